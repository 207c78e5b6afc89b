"""`phasegate explain`: what happens to a request, and why."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from pathlib import Path
from typing import Any

import click
import orjson

from ..admin.answers import Refused
from ..admin.described import described
from ..admin.explaining import explained
from ..errors import CommandError
from ..explain.tokens import DEFAULT_SECONDS, HEADER, LONGEST_SECONDS
from ..gateway import Gateway
from .access import client, of_a_gateway
from .admin_client import AdminClient
from .explanation_text import explanation_text
from .folder import judged
from .run import load

_HERE = "127.0.0.1"
# How long an explanation may be on its way from the worker that made it.
_LATE_SECONDS = 2.0


@click.command()
@click.argument("words", nargs=-1, metavar="[METHOD] URL")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; as often as needed.")
@click.option("-d", "--data", metavar="TEXT", help="The body, or @FILE, or @- for standard input; makes it a POST.")
@click.option("--from", "address", metavar="ADDRESS", help="The client's address, 127.0.0.1 where none is given.")
@click.option("--dry-run", is_flag=True, help="End before the proxy phase: no upstream or function is called.")
@click.option(
    "--candidate",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Explain by this folder's configuration, in this process; no gateway need run.",
)
@click.option("--token", is_flag=True, help="Print the header that has a request to the gateway itself explained.")
@click.option(
    "--seconds",
    type=click.IntRange(1, LONGEST_SECONDS),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="How long that header is good.",
)
@click.option("--request", "request_id", metavar="ID", help="Show the explanation of a request that had that header.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_a_gateway
def explain(words: tuple[str, ...], *, as_json: bool, candidate: Path | None, **options: Any) -> None:
    """Show what happens to a request: its route, every plugin's part, the call behind it.

    URL is a path or a whole URL. The request is sent through the running gateway, upstream included; secrets and
    credentials are not shown. The exit code is 0 whatever the request's status is.

    With --token, then --request, a request is explained that a client sends to the gateway by itself.
    """
    if candidate is not None and (options["token"] or options["request_id"]):
        raise click.UsageError("--candidate goes with a request")
    if options["token"] or options["request_id"]:
        if words:
            raise click.UsageError("a URL goes with neither --token nor --request")
        told = asyncio.run(_live(**options))
        if told is None:
            return
    else:
        request = _request(words, options["headers"], options["data"], options["address"])
        given = {name: options[name] for name in ("url", "key_file", "directory")}
        dry_run = options["dry_run"]
        told = asyncio.run(
            _by_folder(candidate, request, dry_run=dry_run)
            if candidate is not None
            else _by_gateway(request, dry_run=dry_run, **given)
        )
    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() if as_json else explanation_text(told))


async def _by_gateway(request: dict[str, Any], *, dry_run: bool, **given: Any) -> dict[str, Any]:
    async with client(**given) as admin:
        return await admin.explain(request, dry_run=dry_run)


async def _by_folder(directory: Path, request: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """Explain by a folder's configuration, its store's part of it included, with plugins of this process's own."""
    settings, schemas = load(directory)
    found = await judged(settings, schemas)
    # What goes wrong is in the explanation.
    logging.getLogger("phasegate").setLevel(logging.CRITICAL)
    gateway = Gateway(schemas, trusted_proxies=settings.trusted_proxies)
    try:
        gateway.swap(await gateway.opened(found.snapshot))
        told = await explained(gateway, described(request, _HERE), dry_run=dry_run)
        return dict(told)
    except Refused as refused:
        raise CommandError(str(refused.body.get("error_msg"))) from refused
    finally:
        await gateway.close()


async def _live(
    *,
    token: bool,
    seconds: int,
    request_id: str | None,
    url: str | None,
    key_file: Path | None,
    directory: Path,
    **_: Any,
) -> dict[str, Any] | None:
    async with client(url, key_file, directory) as admin:
        if token:
            click.echo(f"{HEADER}: {await admin.explain_token(seconds)}")
        return None if request_id is None else await _fetched(admin, request_id)


async def _fetched(admin: AdminClient, request_id: str) -> dict[str, Any]:
    ends = time.monotonic() + _LATE_SECONDS
    while (told := await admin.explanation(request_id)) is None:
        if time.monotonic() >= ends:
            header = f"was it sent with {HEADER}, by a token that had not ended, to this gateway?"
            raise CommandError(f"there is no explanation of request {request_id}: {header}")
        await asyncio.sleep(0.1)
    return told


def _request(words: tuple[str, ...], headers: tuple[str, ...], data: str | None, address: str | None) -> dict[str, Any]:
    """Return the request that the command line describes, as the Admin API takes it."""
    if not 1 <= len(words) <= 2:
        raise click.UsageError("give a URL or a path, and before it the method where it is not GET")
    method = words[0].upper() if len(words) == 2 else "GET" if data is None else "POST"
    request: dict[str, Any] = {"method": method, "url": words[-1]}
    if headers:
        request["headers"] = _fields(headers)
    if data is not None:
        request["body_base64"] = base64.b64encode(_data(data)).decode("ascii")
    if address is not None:
        request["client"] = address
    return request


def _fields(headers: tuple[str, ...]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise click.UsageError("--header takes 'NAME: VALUE'")
        fields.setdefault(name.strip(), []).append(value.strip())
    return fields


def _data(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    try:
        with click.open_file(text[1:], "rb") as file:
            return bytes(file.read())
    except OSError as error:
        raise CommandError(f"{text[1:]} can't be read: {error.strerror}") from error
