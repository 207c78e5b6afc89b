"""`phasegate lambda invoke`: a function called as the gateway would call it, and all that AWS tells of the run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson

from phasegate.commands import CommandError

from .caller import Outcome
from .codec import FORMATS
from .outcome_text import as_document, as_lines
from .prepared import Asked, Prepared, of_function, of_route
from .request_options import data, field

_NOT_CALLED, _FUNCTION_FAILED = 1, 3
_TYPES = ["RequestResponse", "Event", "DryRun"]

Making = contextlib.AbstractAsyncContextManager[Prepared]


@click.command()
@click.argument("function", required=False)
@click.option("--route", "route_id", metavar="ID", help="Call the function of this route, as the route says.")
@click.option(
    "--conf",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("conf"),
    show_default=True,
    help="The folder that has the route.",
)
@click.option("-X", "--method", help="The request's method.  [default: GET, with a body POST, or the route's]")
@click.option("--path", metavar="PATH", help="Its path and query.  [default: /, or the route's uri]")
@click.option(
    "-H", "--header", "fields", multiple=True, callback=field, metavar="'NAME: VALUE'", help="A header of it."
)
@click.option("-d", "--data", "body", default="", callback=data, metavar="TEXT|@FILE", help="Its body.")
@click.option(
    "--event", "file", type=click.File("rb"), metavar="FILE", help="Send this event as it is; - reads standard input."
)
@click.option("--show-event", is_flag=True, help="Print the event, and call nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object, for programs.")
@click.option("--qualifier", help="The version or alias of FUNCTION.")
@click.option("--region", help="Its region.  [default: that of its ARN, or us-east-1]")
@click.option("--endpoint", metavar="URL", help="Where the Lambda API is, such as a local one.")
@click.option(
    "--format", "payload_format", type=click.Choice(list(FORMATS)), help="Its form of events.  [default: 2.0]"
)
@click.option(
    "--type", "invocation_type", type=click.Choice(_TYPES), help="How it is called.  [default: RequestResponse]"
)
@click.option("--stream", is_flag=True, help="Have its answer streamed.")
@click.option("--profile", help="A profile to take keys from.  [default: AWS's default chain]")
@click.option("--role-arn", metavar="ARN", help="A role to assume with them.")
@click.option("--unsigned", is_flag=True, help="Send no signature, to a local Lambda API.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 900), metavar="SECONDS", help="How long it may take.  [default: 60]"
)
def invoke(
    *,
    function: str | None,
    route_id: str | None,
    directory: Path,
    method: str | None,
    path: str | None,
    fields: list[tuple[bytes, bytes]],
    body: bytes,
    file: BinaryIO | None,
    show_event: bool,
    as_json: bool,
    **direct: Any,
) -> None:
    """Call FUNCTION (a name, name:alias or ARN), or the function of a configured route.

    Method, path, headers and body become the event as in the gateway; on a route with its parameters and what plugins
    rewrite, and without a caller, for nobody is authenticated. The response's body goes to standard output, as a
    client would get it. What AWS tells of the run, its cost and the end of its log go to standard error.

    \b
    Exit codes:
      0  the function has answered
      1  it could not be called: no keys, refused, unreachable, or a mistake in the configuration
      2  the command line is wrong
      3  it failed, or answered with 500 or more

    \b
    Try it:
      phasegate lambda invoke orders:live --path /orders/7
      phasegate lambda invoke --route orders -X POST -d '{"id": 7}' --show-event
      phasegate lambda invoke orders --event event.json --json
    """  # noqa: D301 (click's mark for lines to keep is the control character itself)
    asked = Asked(method=method, path=path, fields=fields, body=body)
    making = _making(function, route_id, directory, direct, asked)
    event = None if file is None else file.read()
    if show_event:
        _show(asyncio.run(_event(making)) if event is None else event)
        return
    sys.exit(asyncio.run(_call(making, event, as_json=as_json)))


def _making(
    function: str | None, route_id: str | None, directory: Path, direct: dict[str, Any], asked: Asked
) -> Making:
    given = [name for name, value in direct.items() if value]
    if function is not None and route_id is None:
        return of_function(_config(function, direct), asked)
    if function is not None or route_id is None:
        raise click.UsageError("name either a function, or a route by --route")
    if given:
        option = {"payload_format": "format", "invocation_type": "type", "role_arn": "role-arn"}.get(given[0], given[0])
        raise click.UsageError(f"--{option} goes with a function that is named: of a route its configuration says it")
    return of_route(directory, route_id, asked)


def _config(function: str, direct: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration that a route would have for the same."""
    names = ("qualifier", "region", "endpoint", "payload_format", "invocation_type")
    iam = {"profile": direct["profile"]} if direct["profile"] else {}
    roles = [{"role_arn": direct["role_arn"]}] if direct["role_arn"] else []
    return {
        "function": function,
        "mode": "invoke-stream" if direct["stream"] else "invoke",
        "timeout": round((direct["timeout"] or 60) * 1000),
        **{name: direct[name] for name in names if direct[name]},
        **({} if direct["unsigned"] else {"authorization": {"iam": {**iam, "assume_role": roles}}}),
    }


async def _event(making: Making) -> bytes:
    async with making as (caller, exchange, services):
        _needs_event(caller.invokes, "--show-event")
        return await caller.event(exchange, services)


async def _call(making: Making, event: bytes | None, *, as_json: bool) -> int:
    """Call, tell what came of it, and return the exit code."""
    written = bytearray()
    write: Callable[[bytes], object] = written.extend if as_json else _write
    async with making as (caller, exchange, services):
        if event is not None:
            _needs_event(caller.invokes, "--event")
        await caller.open(services)
        try:
            outcome = await caller.call(exchange, write, event)
            sent = caller.sent(exchange, is_given=event is not None)
        finally:
            await caller.close()
    if as_json:
        click.echo(orjson.dumps(as_document(outcome, bytes(written)), option=orjson.OPT_INDENT_2))
    else:
        if sys.stdout.isatty():
            click.echo()
        click.echo("\n".join(as_lines(caller.destination() or "", sent, outcome)), err=True)
    return _code(outcome)


def _needs_event(invokes: bool, option: str) -> None:  # noqa: FBT001 (a guard's one question)
    if not invokes:
        raise CommandError(f"{option} is for direct calls: behind a URL it is AWS that makes the event")


def _write(block: bytes) -> None:
    click.echo(block, nl=False)


def _show(event: bytes) -> None:
    try:
        click.echo(json.dumps(json.loads(event), indent=2, ensure_ascii=False))
    except ValueError:
        click.echo(event)


def _code(outcome: Outcome) -> int:
    if outcome.function_failed:
        return _FUNCTION_FAILED
    return 0 if outcome.failure is None else _NOT_CALLED
