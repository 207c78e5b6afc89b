"""A local Lambda for tests, as a pytest fixture: `-p phasegate_aws_lambda.testing` in pytest's `addopts`."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio

from .local.function import Function
from .local.keys import Credentials, Keys
from .local.log import Log
from .local.server import Address, Addresses, LocalLambda

FunctionMaker = Callable[..., Awaitable["RunningFunction"]]

_ANY_PORT = Address("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class RunningFunction:
    """A function that a local Lambda serves, and the ports of its three faces on 127.0.0.1."""

    name: str
    rest_port: int
    url_port: int
    invoke_port: int
    output: io.StringIO = field(repr=False)
    """What the function and its runtime have logged so far."""

    @property
    def rest_url(self) -> str:
        """Where it is behind an API Gateway: what `function_uri` names."""
        return f"http://127.0.0.1:{self.rest_port}/default/{self.name}"

    @property
    def url(self) -> str:
        """Its function URL."""
        return f"http://127.0.0.1:{self.url_port}/"

    @property
    def endpoint(self) -> str:
        """Where the Lambda API is that invokes it: what `endpoint` of `aws-lambda` names."""
        return f"http://127.0.0.1:{self.invoke_port}"


@contextlib.asynccontextmanager
async def running_function(
    source: str,
    folder: Path,
    *,
    handler: str = "handler",
    timeout_seconds: float = 3.0,
    concurrency: int = 2,
    api_key: str | None = None,
    credentials: tuple[str, str] | tuple[str, str, str | None] | None = None,
    output: io.StringIO | None = None,
    file: str = "app.py",
    streams: bool = False,
) -> AsyncIterator[RunningFunction]:
    """Serve a handler's source for the length of a block, from a file in a folder: `app.mjs` is one for Node.

    With `streams` the function URL and the REST API stream answers, too, as with `phasegate lambda serve --stream`.
    Where there are an `api_key` or `credentials` (access key, secret key, and a session token), requests must have them.
    """
    path = folder / file
    path.write_text(textwrap.dedent(source))
    function = Function(path=path, handler=handler, name="app", timeout_seconds=timeout_seconds)
    keys = Keys(api_key, Credentials(*credentials) if credentials else None)
    written = output or io.StringIO()
    server = LocalLambda(function, keys, concurrency=concurrency, log=Log(written), streams=streams)
    rest, url, invoke = await server.open(Addresses(_ANY_PORT, _ANY_PORT, _ANY_PORT))
    try:
        yield RunningFunction(function.name, rest.port, url.port, invoke.port, written)
    finally:
        await server.close()


@pytest_asyncio.fixture
async def function(tmp_path: Path) -> AsyncIterator[FunctionMaker]:
    """What serves functions, given what `running_function` takes but the folder; they end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve(source: str, **options: Any) -> RunningFunction:
            return await stack.enter_async_context(running_function(source, tmp_path, **options))

        yield serve
