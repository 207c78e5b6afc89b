"""The `phasegate` command and how it tells of errors."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

import click

from ..errors import CommandError, ConfigError, StartupError
from .admin_key import admin_key
from .doctor import doctor
from .explain import explain
from .export import export
from .hash_password import hash_command
from .inspect import check, routes
from .keyring import keyring
from .plugin import plugin
from .plugins import plugins
from .run import run
from .sync import apply, diff

COMMANDS_GROUP = "phasegate.commands"


class Commands(click.Group):
    """The commands of core and those of installed distributions, which are imported only when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted({*super().list_commands(ctx), *_offered()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of core, or load a distribution's."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _offered():
            return own
        command = _offered()[cmd_name].load()
        return command if isinstance(command, click.Command) else None


def _offered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=COMMANDS_GROUP)}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("phasegate"), prog_name="phasegate")
def cli() -> None:
    """An API gateway for serverless functions.

    Write a folder with gateway.yaml and routes.yaml, see what it means with `check` and `routes`, and serve it with `run`.
    """


_INSPECTING = (check, doctor, routes, explain, plugins, plugin)
_CHANGING = (export, diff, apply, admin_key, keyring, hash_command)

for command in (run, *_INSPECTING, *_CHANGING):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; a configuration that is refused is told on standard error, with exit code 1."""
    try:
        return cli(args=arguments, prog_name="phasegate")
    except ConfigError as error:
        for line in str(error).splitlines():
            click.echo(f"error: {line}", err=True)
    except (CommandError, StartupError) as error:
        for line in str(error).splitlines():
            click.echo(f"error: {line}", err=True)
    sys.exit(1)
