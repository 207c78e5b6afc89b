"""`phasegate admin-key`: the key that was made for the Admin API."""

from __future__ import annotations

from pathlib import Path

import click

from ..admin import keys
from ..errors import StartupError
from ..settings import load_settings


@click.command("admin-key")
@click.option(
    "--conf",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("conf"),
    show_default=True,
    help="The folder that holds gateway.yaml.",
)
def admin_key(directory: Path) -> None:
    """Print the key of the Admin API.

    It is the one that the gateway made at its first start, since gateway.yaml names none. Send it in the header X-API-KEY.
    """
    settings = load_settings(directory)
    if settings.admin.keys:
        raise StartupError(f"the keys are those that admin.keys of {settings.path} names: none was made")
    try:
        click.echo(keys.read(settings.admin_key_file).key.value)
    except FileNotFoundError as error:
        message = f"there is no {settings.admin_key_file} yet: it is made when the gateway starts"
        raise StartupError(message) from error
    except OSError as error:
        raise StartupError(f"{settings.admin_key_file} can't be read: {error.strerror}") from error
