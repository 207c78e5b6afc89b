"""`phasegate run`: serve a configuration folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..errors import ConfigError
from ..logs import configure
from ..registry import Registry
from ..schema.tables import Schemas
from ..server.workers import Supervisor
from ..settings import Settings, load_settings


def load(directory: Path) -> tuple[Settings, Schemas]:
    """Return a folder's settings and the schemas of the plugins that it enables. Raise ConfigError when it can't be."""
    settings = load_settings(directory)
    try:
        return settings, Schemas(Registry.load(settings.plugins), native=settings.protocol == "native")
    except ConfigError as error:
        raise error.of(str(settings.path)) from error


@click.command()
@click.option(
    "--conf",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("conf"),
    show_default=True,
    help="The folder that holds gateway.yaml.",
)
def run(directory: Path) -> None:
    """Serve a configuration folder.

    Runs until SIGTERM or Ctrl-C, and follows changes of the routes file. What is in flight is finished before it ends; a
    second signal ends it at once.
    """
    settings, schemas = load(directory)
    configure(settings.log_level)
    asyncio.run(Supervisor(settings, schemas).run())
