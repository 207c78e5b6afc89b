"""How far a group is, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from .group import N


def progress(steps: Sequence[N], label: str) -> Iterator[N]:
    """Yield each step, with its name beside a bar."""
    with click.progressbar(steps, label=f"{label:<12}", item_show_func=_name, file=sys.stderr) as bar:
        yield from bar


def _name(step: N | None) -> str:
    return step.name if step is not None else ""
