"""`phasegate export`: the store as a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from ..errors import CommandError
from ..store.durable import replace_file
from ..store.records import Key, Value
from .access import client, of_a_gateway
from .admin_client import AdminClient
from .document import exported
from .yaml_text import yaml_text

_MASKED = "# What the store holds, secrets masked: where *** stands, apply keeps what is there.\n"
_OPEN = "# What the store holds, secrets included: keep it safe.\n"


@click.command()
@click.option("--secrets", is_flag=True, help="Write secrets as they are; the key must be of role admin.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to a file, which its owner alone can read.")
@of_a_gateway
def export(*, secrets: bool, output: Path | None, **where: Any) -> None:
    """Print what the store holds as a file for `apply`.

    What routes.yaml owns is left out. Secrets are masked, and a mask keeps the secret that is stored when the file is
    applied. The private keys of certificates stay masked always.
    """
    stored = asyncio.run(_read(client(**where), secrets=secrets))
    text = (_OPEN if secrets else _MASKED) + yaml_text(exported(stored))
    if output is None:
        click.echo(text, nl=False)
    else:
        _save(output, text)
    if secrets and any(kind == "ssls" for kind, _ in stored):
        click.echo("note: the private keys of ssls are masked: nobody can read them out of a gateway", err=True)


async def _read(api: AdminClient, *, secrets: bool) -> dict[Key, Value]:
    async with api:
        return dict((await api.read(secrets=secrets)).store)


def _save(path: Path, text: str) -> None:
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device, such as /dev/stdout.
            path.write_text(text, encoding="utf-8")
        else:
            replace_file(path, text.encode())
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}") from error
