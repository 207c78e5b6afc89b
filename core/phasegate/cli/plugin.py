"""`phasegate plugin`: what authors of plugins need."""

from __future__ import annotations

from pathlib import Path

import click

from ..registry import Registry, installed
from .reference import reference
from .scaffold import KINDS, package


@click.group()
def plugin() -> None:
    """Begin a plugin, and read about those that are installed."""


@plugin.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="proxy",
    show_default=True,
    help="What it does: answer requests, decide who goes on, change answers, call a function service, know callers.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="The folder that the package's own is made in; the current one by default.",
)
def new(name: str, kind: str, into: Path) -> None:
    """Write the package of a new plugin.

    NAME is the plugin's, as configurations will have it: lower-case words joined by -. The package is phasegate-NAME, with
    the class, its schema, tests, a README, a sample configuration and a file for CI; it installs and passes its tests as it is.
    """
    made = package(name, kind).write(into)
    click.echo(f"{made} holds the plugin {name!r}. Now:")
    for line in (f"cd {made}", "pip install -e '.[dev]'", "pytest", "phasegate check conf"):
        click.echo(f"  {line}")


@plugin.command()
@click.argument("name")
def docs(name: str) -> None:
    """Print the reference of an installed plugin, in Markdown.

    It is made of the plugin's schemas and docstrings. NAME is the plugin's.
    """
    cls = Registry.load([name], "NAME").classes[name]
    click.echo(reference(cls, installed()[name][0]), nl=False)
