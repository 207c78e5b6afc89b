"""`phasegate keyring`: the keys that seal the secrets in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..errors import StartupError
from ..sealing import KeyRing, forget_ring
from ..settings import Settings, load_settings
from ..store.opening import open_store
from ..store.records import StoreUnavailable

_conf = click.option(
    "--conf",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("conf"),
    show_default=True,
    help="The folder that holds gateway.yaml.",
)


@click.group()
def keyring() -> None:
    """See and rotate the keys that seal secrets in the store."""


@keyring.command()
@_conf
def ids(directory: Path) -> None:
    """List the ids of the ring's keys, the one that seals first."""
    for key_id in KeyRing(load_settings(directory).keyring).ids:
        click.echo(key_id)


@keyring.command()
@_conf
def rotate(directory: Path) -> None:
    """Add a key, which seals from then on.

    Older keys stay, since what they sealed is in the store until it is written again, and in its revisions. Copy the file
    to every node of the store before they are told to read it again.
    """
    ring = KeyRing(load_settings(directory).keyring)
    click.echo(f"{ring.path}: key {ring.rotate()} seals from now on; copy the file to every node of the store")


@keyring.command()
@_conf
def forget(directory: Path) -> None:
    """Let the store take another key ring.

    For when every copy of the ring is lost, or two nodes began with one each; refused while anything is sealed.
    """
    asyncio.run(_forget(load_settings(directory)))
    click.echo("the store takes the key ring of the node that starts next; copy that to every other node first")


async def _forget(settings: Settings) -> None:
    store = open_store(settings.store, settings.path.parent)
    try:
        await forget_ring(store)
    except StoreUnavailable as error:
        raise StartupError(f"the store can't be used: {error}") from error
    finally:
        await store.close()
