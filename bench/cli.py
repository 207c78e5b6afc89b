"""The command line: `python -m bench`."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
from pathlib import Path
from typing import Any

import click

from .cores import Cores
from .descriptors import raise_limit
from .errors import BenchError, MissingTools
from .group import Group, Run, Section
from .groups import GROUPS
from .header import header
from .publish import publish
from .tools import Tools, find_tools, missing, require

_PARTS = {part.name: group for group in GROUPS for part in group.parts}


def _described(group: Group) -> str:
    """Return a group's summary and the names of its parts, in lines."""
    parts = textwrap.fill(", ".join(part.name for part in group.parts), 76, break_on_hyphens=False)
    return f"  {group.name:<12} {group.summary}\n{textwrap.indent(parts, ' ' * 15)}"


_DESCRIPTION = "\n".join(map(_described, GROUPS))


def _writable(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    """Refuse a file that can't be written before the run, not after it."""
    if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
        raise click.BadParameter(f"{file} can't be written")
    return file


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=f"\b\nGroups, with the names for --only:\n{_DESCRIPTION}",
)
@click.option(
    "--group",
    "groups",
    type=click.Choice([group.name for group in GROUPS]),
    multiple=True,
    help="Measure this group, not all; may be given again.",
)
@click.option(
    "--only",
    "names",
    type=click.Choice(list(_PARTS)),
    metavar="NAME",
    multiple=True,
    help="Measure this part of its group, not all; may be given again.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="How often each is measured.")
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How long each measurement takes. CPU time comes in ticks of 10 ms: below 3 the figures get coarse.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_writable,
    help="Also write every figure of every round to this file.",
)
@click.option(
    "--publish",
    "docs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DOCS",
    help="Also write the tables and the chart into the page on performance in this folder.",
)
def bench(
    *, groups: tuple[str, ...], names: tuple[str, ...], rounds: int, seconds: int, file: Path | None, docs: Path | None
) -> None:
    """Measure the gateway and its listener beside others, in one run.

    CPU time a request is what counts: it hardly depends on how fast the load arrives. Everything runs on 127.0.0.1, on
    free ports, out of a temporary folder. The default run takes about an hour; attacks and waiting requests are run in three
    rounds at most, connections and changes in one.
    """
    tools, cores = find_tools(), Cores.choose()
    chosen = _chosen(groups, names)
    _require(chosen, tools)
    raise_limit()
    run = Run(tools=tools, cores=cores, rounds=rounds, seconds=seconds, only=frozenset(names), complain=_complain)
    above = header(tools, cores)
    click.echo(above.text)
    found = {group.name: section for group in chosen if (section := _section(group, run)) is not None}
    if file is not None:
        documents = {name: section.document for name, section in found.items()}
        file.write_text(json.dumps({**above.document, "groups": documents}, indent=2) + "\n")
    if docs is not None:
        publish(docs, above.text, found)
    if len(found) < len(chosen):
        raise BenchError("not everything could be measured")


def _chosen(groups: tuple[str, ...], names: tuple[str, ...]) -> list[Group]:
    """Return the groups that were named, or that hold what was named."""
    if unfit := [name for name in names if groups and _PARTS[name].name not in groups]:
        raise click.BadParameter(f"{', '.join(unfit)}: of none of the groups {', '.join(groups)}")
    wanted = {*groups, *(_PARTS[name].name for name in names)} if not groups else {*groups}
    return [group for group in GROUPS if not wanted or group.name in wanted]


def _require(chosen: list[Group], tools: Tools) -> None:
    """Raise MissingTools where a group lacks what it needs, naming the groups that could be run all the same."""
    try:
        require(frozenset[str]().union(*(group.needs for group in chosen)), tools)
    except MissingTools as error:
        able = [f"--group {group.name}" for group in GROUPS if not missing(group.needs, tools)]
        raise MissingTools(f"{error}; what can be run without: {' '.join(able) or 'nothing'}") from error


def _section(group: Group, run: Run) -> Section | None:
    """Run a group and print what it says; one that fails leaves the others' figures alone."""
    try:
        section = group.run(run)
    except BenchError as error:
        click.echo(f"error: {group.name}: {error}", err=True)
        return None
    click.echo(f"\n== {group.name}: {group.summary}\n\n{section.text}")
    return section


def _complain(complaint: str) -> None:
    click.echo(f"note: {complaint}", err=True)


def main() -> None:
    """Run the command; what ends it early is told on standard error, with exit code 1."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        bench()
    except BenchError as error:
        sys.exit(f"error: {error}")


def _leave(number: int, _: Any) -> None:
    """End by way of every `finally`."""
    sys.exit(128 + number)
