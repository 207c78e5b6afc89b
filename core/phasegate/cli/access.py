"""Where the Admin API is that a command is to call, and the key to it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ..admin import keys
from ..errors import CommandError
from ..secret import Secret
from ..settings import Settings, load_settings
from .admin_client import AdminClient

KEY_VARIABLE = "PHASEGATE_ADMIN_KEY"
_KEY = re.compile("[!-~]+")
_LOCAL = "localhost"
_ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 (nothing is bound)


def of_a_gateway(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `url`, `key_file` and `directory`, which `client` takes."""
    for option in (
        click.option(
            "--conf",
            "directory",
            type=click.Path(path_type=Path),
            default=Path("conf"),
            show_default=True,
            help="The folder of the gateway, where its address and its key are looked up.",
        ),
        click.option("--key-file", type=click.Path(path_type=Path), help=f"Holds the key; else {KEY_VARIABLE} does."),
        click.option("--admin", "url", metavar="URL", help="The Admin API, such as http://127.0.0.1:9180."),
    ):
        command = option(command)
    return command


def client(url: str | None, key_file: Path | None, directory: Path) -> AdminClient:
    """Return a client of the Admin API that the options mean. Raise CommandError, ConfigError or StartupError.

    What they do not say is looked up in the folder, which need not be there where nothing has to be.
    """
    wanted = _checked(url) if url else admin_url(load_settings(directory))
    return AdminClient(wanted, _key(wanted, key_file, directory))


def admin_url(settings: Settings) -> str:
    """Return where a gateway on this machine has its Admin API. Raise CommandError where the settings do not tell."""
    host, _, port = settings.admin_address.rpartition(":")
    if port == "0":
        raise CommandError(f"{settings.path} leaves the port of admin.address open: name it with --admin")
    shared = [listen for listen in settings.listen if listen.address == settings.admin_address]
    scheme = "https" if any(listen.tls for listen in shared) else "http"
    return f"{scheme}://{_ANY.get(host, host)}:{port}"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise CommandError("--admin names no address: write http://HOST:PORT")
    return url.rstrip("/").removesuffix("/apisix/admin")


def _key(url: str, key_file: Path | None, directory: Path) -> Secret:
    if key_file is not None:
        return _read(key_file)
    given = os.environ.get(KEY_VARIABLE)
    if given:
        if not _KEY.fullmatch(given.strip()):
            raise CommandError(f"{KEY_VARIABLE} holds no key: visible ASCII characters without spaces")
        return Secret(given.strip())
    settings = load_settings(directory)
    if not _is_of(settings, url):
        whose = f"the key of {settings.path} is for {settings.admin_address} alone"
        raise CommandError(f"{whose}: give the one of {url} by --key-file or {KEY_VARIABLE}")
    if not settings.admin.keys:
        return _read(settings.admin_key_file)
    admins = [key for key in settings.admin.keys if key.role == "admin"]
    if not admins:
        raise CommandError(f"{settings.path} has no key of role admin: give one by --key-file or {KEY_VARIABLE}")
    return admins[0].key


def _is_of(settings: Settings, url: str) -> bool:
    """Tell whether a URL leads to the address that the settings give the Admin API; a port they leave open may be any."""
    host, _, port = settings.admin_address.rpartition(":")
    host = _ANY.get(host, host).strip("[]").lower()
    parts = urlsplit(url)
    names = {host, _LOCAL} if host in ("127.0.0.1", "::1") else {host}
    asked = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.hostname in names and port in ("0", str(asked))


def _read(path: Path) -> Secret:
    try:
        return keys.read(path).key
    except OSError as error:
        remedy = f"give the key by --key-file or {KEY_VARIABLE}"
        raise CommandError(f"there is no key in {path} ({error.strerror}): {remedy}") from error
