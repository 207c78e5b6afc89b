"""Handlers in files, pools and servers around them, and a client that sends exactly the bytes that it is given."""

from __future__ import annotations

import asyncio
import io
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from phasegate_aws_lambda.local.function import Function
from phasegate_aws_lambda.local.keys import Keys
from phasegate_aws_lambda.local.log import Log
from phasegate_aws_lambda.local.pool import Pool
from phasegate_aws_lambda.testing import FunctionMaker


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Function]:
    """Return a function that writes a handler's module and returns what is to be served."""

    def write(source: str, timeout_seconds: float = 3.0, file: str = "app.py") -> Function:
        path = tmp_path / file
        path.write_text(textwrap.dedent(source))
        return Function(path=path, handler="handler", name="app", timeout_seconds=timeout_seconds)

    return write


@pytest.fixture
def logged() -> io.StringIO:
    """Return what the log was written to."""
    return io.StringIO()


@pytest.fixture
async def pool_of(logged: io.StringIO) -> AsyncIterator[Callable[..., Pool]]:
    """Return a function that makes a pool, which is closed after the test."""
    pools: list[Pool] = []

    def make(function: Function, concurrency: int = 2) -> Pool:
        pools.append(Pool(function, concurrency, Log(logged)))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
def serving(
    all_serving: Callable[..., Awaitable[tuple[int, int, int]]],
) -> Callable[..., Awaitable[tuple[int, int]]]:
    """Return a function that serves a handler's source and returns the ports of REST API and function URL."""

    async def serve(source: str, *options: Any, **named: Any) -> tuple[int, int]:
        return (await all_serving(source, *options, **named))[:2]

    return serve


@pytest.fixture
def all_serving(function: FunctionMaker, logged: io.StringIO) -> Callable[..., Awaitable[tuple[int, int, int]]]:
    """Return a function that serves a handler's source and returns the ports of all three faces."""

    async def serve(source: str, keys: Keys | None = None, **options: Any) -> tuple[int, int, int]:
        given = keys or Keys()
        signed = given.credentials
        credentials = (signed.access_key, signed.secret_key, signed.session_token) if signed else None
        running = await function(source, api_key=given.api_key, credentials=credentials, output=logged, **options)
        return running.rest_port, running.url_port, running.invoke_port

    return serve


@pytest.fixture
def send() -> Callable[..., Awaitable[httpx.Response]]:
    """Return a function that sends one request over a connection of its own, byte for byte."""

    async def send(
        port: int, target: str, method: str = "GET", headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> httpx.Response:
        own = [("Connection", "close"), ("Content-Length", str(len(body))), ("Host", f"127.0.0.1:{port}")]
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (*own, *headers)), "", ""]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write("\r\n".join(lines).encode("latin-1") + body)
            head, _, content = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        status, *fields = head.decode("latin-1").split("\r\n")
        pairs = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
        return httpx.Response(int(status.split()[1]), headers=pairs, content=content)

    return send
