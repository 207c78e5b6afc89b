"""`phasegate diff` and `apply`: what in the store is not as a file says, and how it comes to be."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from ..errors import CommandError
from .access import client, of_a_gateway
from .plan_text import brief, plan_lines, summary
from .proposal import Proposal, make, propose, resources_of

_SAME = "the store holds what the file says"
_DIFFERENT = 2


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


@click.command(cls=_Command)
@_file
@of_a_gateway
def diff(file: Path, **where: Any) -> None:
    """Say what `apply` would change.

    FILE has lists of resources as routes.yaml does. The exit code is 0 when the store holds what it says, 2 when it does
    not, and 1 when that can't be told.
    """
    proposal = asyncio.run(propose(client(**where), resources_of(file)))
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
    resources = resources_of(file)
    api = client(**where)
    proposal = asyncio.run(propose(api, resources))
    if not proposal.plan.changes:
        click.echo(_SAME)
        return
    _show(proposal)
    if dry_run:
        return
    if not yes:
        _ask()
    text = f"apply {file.name}: {brief(proposal.plan.changes)}" if note is None else note
    revision = asyncio.run(make(api, proposal, text))
    click.echo(f"revision {revision}: {brief(proposal.plan.changes)}")


def _show(proposal: Proposal) -> None:
    for line, colour in plan_lines(proposal.plan, proposal.traffic):
        click.secho(line, fg=colour)
    click.echo(f"\n{summary(proposal.plan)}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise CommandError("nothing is changed: there is no terminal to ask at, so say --yes")
    if not click.confirm("Apply this?"):
        raise CommandError("nothing is changed")
