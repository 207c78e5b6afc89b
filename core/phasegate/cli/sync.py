"""`phasegate export`, `diff` and `apply`: the store as a file, and the file as the store."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ..errors import CommandError, ConfigError
from ..store.durable import replace_file
from ..store.file import FileSource
from ..store.records import Key, Value
from .access import client, of_a_gateway
from .admin_client import AdminClient
from .document import exported, wanted
from .filled_in import kinds_in_doubt, unquoted, with_types
from .landscape import Landscape
from .plan import Plan, needed, plan_of, writes
from .plan_text import brief, plan_lines, summary
from .traffic import Traffic
from .yaml_text import yaml_text

_SAME = "the store holds what the file says"
_DIFFERENT = 2
_MASKED = "# What the store holds, secrets masked: where *** stands, apply keeps what is there.\n"
_OPEN = "# What the store holds, secrets included: keep it safe.\n"


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A plan, the writes that carry it out, and what it means for traffic."""

    plan: Plan
    writes: list[dict[str, Any]] = field(repr=False)
    traffic: Traffic = field(repr=False)


class _Command(click.Command):
    """A command whose wrong use ends with 1, since 2 means something else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments apart."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.show()
            ctx.exit(1)


_file = click.argument("file", type=click.Path(path_type=Path))


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


@click.command(cls=_Command)
@_file
@of_a_gateway
def diff(file: Path, **where: Any) -> None:
    """Say what `apply` would change.

    FILE has lists of resources as routes.yaml does. The exit code is 0 when the store holds what it says, 2 when it does
    not, and 1 when that can't be told.
    """
    proposal = asyncio.run(_propose(client(**where), _load(file)))
    if not proposal.plan.changes:
        click.echo(_SAME)
        return
    _show(proposal)
    sys.exit(_DIFFERENT)


@click.command()
@_file
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--note", metavar="TEXT", help="What the revision is to say of itself.")
@of_a_gateway
def apply(file: Path, *, yes: bool, dry_run: bool, note: str | None, **where: Any) -> None:
    """Make the store hold exactly what a file says.

    FILE has lists of resources as routes.yaml does; what it does not list is deleted from the store. All of it becomes
    one revision, or nothing does, and nothing else may have changed the store since the plan was made.
    """
    document = _load(file)
    api = client(**where)
    proposal = asyncio.run(_propose(api, document))
    if not proposal.plan.changes:
        click.echo(_SAME)
        return
    _show(proposal)
    if dry_run:
        return
    if not yes:
        _ask()
    text = f"apply {file.name}: {brief(proposal.plan.changes)}" if note is None else note
    revision = asyncio.run(_make(api, proposal, text))
    click.echo(f"revision {revision}: {brief(proposal.plan.changes)}")


def _load(file: Path) -> dict[Key, Value]:
    try:
        return wanted(FileSource(file).load())
    except ConfigError as error:
        raise error.of(str(file)) from error


async def _read(api: AdminClient, *, secrets: bool) -> dict[Key, Value]:
    async with api:
        return dict((await api.read(secrets=secrets)).store)


async def _propose(api: AdminClient, resources: dict[Key, Value]) -> _Proposal:
    async with api:
        stored = await api.read()
        typed = with_types(resources, await api.schemas(kinds_in_doubt(resources)))
        every = writes(typed, stored.store)
        plan = plan_of(stored.revision, await _attempt(api, every, stored.revision, resources), resources)
        landscape = Landscape({**stored.file, **stored.store}, frozenset(stored.file))
        traffic = Traffic(plan, landscape, await api.auth_plugins())
    return _Proposal(plan, needed(every, plan), traffic)


async def _attempt(
    api: AdminClient, every: list[dict[str, Any]], revision: int, resources: dict[Key, Value]
) -> list[Mapping[str, Any]]:
    try:
        return await api.attempt(every, revision)
    except CommandError as error:
        # The gateway does not know what came out of the environment, and quotes it.
        raise type(error)(unquoted(str(error), resources)) from error


async def _make(api: AdminClient, proposal: _Proposal, note: str) -> int:
    async with api:
        return await api.make(proposal.writes, proposal.plan.revision, note)


def _show(proposal: _Proposal) -> None:
    for line, colour in plan_lines(proposal.plan, proposal.traffic):
        click.secho(line, fg=colour)
    click.echo(f"\n{summary(proposal.plan)}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise CommandError("nothing is changed: there is no terminal to ask at, so say --yes")
    if not click.confirm("Apply this?"):
        raise CommandError("nothing is changed")


def _save(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}") from error
