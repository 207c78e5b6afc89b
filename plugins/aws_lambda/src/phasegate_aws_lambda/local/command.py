"""`phasegate lambda serve`: a handler on this machine, reached as on AWS."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click

from .function import Function
from .keys import Keys, KeysError, keys_from
from .log import Log
from .runtime import SUFFIXES
from .server import Address, Addresses, LocalLambda, StartError

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65_535


def _address(_ctx: click.Context, _param: click.Parameter, text: str) -> Address:
    """Read `HOST:PORT`, an IPv6 host in brackets."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise click.BadParameter(f"{text!r} is not an address such as 127.0.0.1:9001 or [::1]:0")
    return Address(match["v6"] or match["host"], int(match["port"]))


def _handler(_ctx: click.Context, _param: click.Parameter, text: str) -> tuple[Path, str]:
    """Read `FILE:FUNCTION`; whether they exist is looked at later."""
    file, _, function = text.rpartition(":")
    if not file.endswith(SUFFIXES) or not function.replace("$", "_").isidentifier():
        raise click.BadParameter(f"{text!r} is not a file and a function such as app.py:handler or app.mjs:handler")
    return Path(file).absolute(), function


@click.group("lambda")
def lambda_group() -> None:
    """Run Lambda functions on this machine."""


@lambda_group.command()
@click.argument("handler", callback=_handler, metavar="FILE:FUNCTION")
@click.option(
    "--rest",
    callback=_address,
    metavar="ADDRESS",
    default="127.0.0.1:9001",
    show_default=True,
    help="Where the REST API listens.",
)
@click.option(
    "--url",
    callback=_address,
    metavar="ADDRESS",
    default="127.0.0.1:9002",
    show_default=True,
    help="Where the function URL listens.",
)
@click.option(
    "--invoke",
    callback=_address,
    metavar="ADDRESS",
    default="127.0.0.1:9004",
    show_default=True,
    help="Where the Lambda API listens.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 900, min_open=True),
    metavar="SECONDS",
    default=3.0,
    show_default=True,
    help="How long one invocation may take, 900 at most.",
)
@click.option(
    "--concurrency", type=click.IntRange(1), metavar="N", default=10, show_default=True, help="Most child processes."
)
@click.option(
    "--region", metavar="REGION", default="us-east-1", show_default=True, help="The region that signatures must name."
)
@click.option(
    "--stream",
    is_flag=True,
    help="Stream: the REST API in transfer mode STREAM, the function URL in invoke mode RESPONSE_STREAM.",
)
@click.option("--function-name", metavar="NAME", help="The function's name.  [default: the file's, without its ending]")
@click.option(
    "--memory",
    type=click.IntRange(128, 10_240),
    metavar="MB",
    default=128,
    show_default=True,
    help="What the context tells of memory; it limits nothing.",
)
def serve(
    *,
    handler: tuple[Path, str],
    rest: Address,
    url: Address,
    invoke: Address,
    timeout: float,
    concurrency: int,
    region: str,
    stream: bool,
    function_name: str | None,
    memory: int,
) -> None:
    """Serve a Python or Node handler over HTTP.

    FILE ends with .py, or with .mjs, .js or .cjs, which need Node.js on this machine. FUNCTION is reached three ways
    until Ctrl-C: as behind an API Gateway REST API (events in payload format 1.0, every path below any stage), as
    behind a function URL (format 2.0), and by the Lambda API's Invoke and InvokeWithResponseStream (any event). Each
    invocation runs in a warm child process of its own. Code that is saved in the handler's folder takes effect with
    the next request.

    With --stream, answers of the REST API and of the function URL leave while the function still writes them, too: a
    Python handler is a generator then, a Node handler is made by awslambda.streamifyResponse.

    Keys come from the environment; a face without any asks for none.

    \b
    PHASEGATE_LAMBDA_API_KEY        the REST API's x-api-key
    PHASEGATE_LAMBDA_ACCESS_KEY     what requests to the other two are
    PHASEGATE_LAMBDA_SECRET_KEY     signed with (SigV4, service lambda)
    PHASEGATE_LAMBDA_SESSION_TOKEN  and their session token, if there is one

    \b
    Try it:
      phasegate lambda serve app.py:handler
      curl 'http://127.0.0.1:9001/prod/hello?name=you'
      curl 'http://127.0.0.1:9002/hello?name=you'
      curl -d '{}' http://127.0.0.1:9004/2015-03-31/functions/app/invocations
    """  # noqa: D301 (click's mark for lines to keep is the control character itself)
    path, name = handler
    if not path.is_file():
        raise click.ClickException(f"{path} does not exist or is no file")
    function = Function(
        path=path,
        handler=name,
        name=function_name or path.stem,
        region=region,
        timeout_seconds=timeout,
        memory_mb=memory,
    )
    try:
        keys = keys_from(os.environ)
        server = LocalLambda(function, keys, concurrency=concurrency, log=Log(sys.stderr), streams=stream)
        asyncio.run(_serve(server, Addresses(rest, url, invoke), lambda found: _announce(found, keys, function)))
    except (KeysError, StartError) as error:
        raise click.ClickException(str(error)) from error


async def _serve(server: LocalLambda, addresses: Addresses, announce: Callable[[Addresses], None]) -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    announce(await server.open(addresses))
    await stop.wait()
    await server.close()


def _announce(addresses: Addresses, keys: Keys, function: Function) -> None:
    rest_auth = "x-api-key required" if keys.api_key else "no API key"
    signed = f"SigV4, region {function.region}, service lambda"
    url_auth = f"auth type AWS_IAM: {signed}" if keys.credentials else "auth type NONE"
    click.echo(f"REST API      http://{addresses.rest}/{{stage}}/...  ({rest_auth})")
    click.echo(f"Function URL  http://{addresses.url}/...  ({url_auth})")
    path = f"/2015-03-31/functions/{function.name}/invocations"
    click.echo(f"Lambda API    http://{addresses.invoke}{path}  ({signed if keys.credentials else 'unsigned'})")
