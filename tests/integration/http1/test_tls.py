"""HTTP/1.1 over TLS: what depends on the transport holds there too."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from phasegate import Request, Response
from phasegate.errors import ClientClosed
from phasegate.limits import Limits
from phasegate.settings import TLS
from tests.http1_client import request
from tests.integration.http1.conftest import Listen
from tests.listening import Listening

MEGABYTE = 1_000_000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def connected(server: Listening, trust: ssl.SSLContext) -> AsyncIterator[Streams]:
    """Connect for the length of a block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
    yield reader, writer
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def head(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)


async def test_requests_and_refusals_are_answered(listen: Listen, certificate: TLS, trust: ssl.SSLContext) -> None:
    async with connected(await listen(tls=certificate), trust) as (reader, writer):
        writer.write(request("GET", "/") + request("GET", "/") + request("CONNECT", "h:1"))
        assert [(await head(reader))[:12] for _ in range(3)] == [b"HTTP/1.1 200", b"HTTP/1.1 200", b"HTTP/1.1 400"]


async def test_a_client_that_is_still_sending_can_read_the_whole_answer(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext
) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, bytes(MEGABYTE))

    async with connected(await listen(handler, tls=certificate), trust) as (reader, writer):
        writer.write(request("POST", "/", body=bytes(10 * MEGABYTE)))
        await head(reader)
        assert len(await reader.readexactly(MEGABYTE)) == MEGABYTE


@pytest.mark.parametrize("streams", [False, True], ids=["bytes", "stream"])
async def test_a_client_that_takes_nothing_is_cut(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext, streams: bool
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield bytes(50_000)

    async def handler(received: Request) -> Response:
        return Response(200, {}, stream() if streams else bytes(20 * MEGABYTE))

    server = await listen(handler, tls=certificate, limits=Limits(write_timeout=0.1))
    async with connected(server, trust) as (reader, writer):
        writer.write(request("GET", "/"))
        await head(reader)
        assert isinstance(await server.application.ended(), ClientClosed)


async def test_the_end_of_an_answer_waits_for_a_client_that_takes_its_time(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, bytes(2 * MEGABYTE))

    monkeypatch.setattr("phasegate.server.connection.FAREWELL_SECONDS", 0.2)
    monkeypatch.setattr("phasegate.server.http1.wire._LINGER_SECONDS", 0.2)
    server = await listen(handler, tls=certificate, limits=Limits(write_timeout=5.0), send_buffer=16_384)
    async with connected(server, trust) as (reader, writer):
        writer.write(request("GET", "/", b"Connection: close"))
        await head(reader)
        await asyncio.sleep(1.0)
        assert len(await reader.read(-1)) == 2 * MEGABYTE


async def test_a_client_that_does_not_say_goodbye_is_cut(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.server.connection.FAREWELL_SECONDS", 0.2)
    monkeypatch.setattr("phasegate.server.roster._SLOWEST_SWEEP_SECONDS", 0.05)
    server = await listen(tls=certificate)
    sock = await asyncio.to_thread(deaf_client, server.port, trust)
    async with asyncio.timeout(10):
        while server.connections:
            await asyncio.sleep(0.01)
    sock.close()


async def test_a_client_too_many_that_does_not_say_goodbye_is_cut(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.server.opening.FAREWELL_SECONDS", 0.2)
    server = await listen(tls=certificate, limits=Limits(connections=1))
    async with connected(server, trust):
        before = len(list(Path("/proc/self/fd").iterdir()))
        sock = await asyncio.to_thread(deaf_client, server.port, trust)
        async with asyncio.timeout(10):
            while len(list(Path("/proc/self/fd").iterdir())) > before + 1:
                await asyncio.sleep(0.01)
        sock.close()


def deaf_client(port: int, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """Ask for an answer, the last one, and return the client, which does nothing more."""
    sock = trust.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")
    sock.sendall(request("GET", "/", b"Connection: close"))
    sock.recv(100)
    return sock


async def test_an_old_client_sees_that_its_answer_breaks_off(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the stream is on fire")

    async def handler(received: Request) -> Response:
        return Response(200, {}, stream())

    async with connected(await listen(handler, tls=certificate), trust) as (reader, writer):
        writer.write(request("GET", "/", version="1.0"))
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)


async def test_a_client_that_leaves_is_noticed(listen: Listen, certificate: TLS, trust: ssl.SSLContext) -> None:
    async def handler(received: Request) -> Response:
        await asyncio.Event().wait()
        return Response(200)

    server = await listen(handler, tls=certificate)
    async with connected(server, trust) as (_, writer):
        writer.write(request("GET", "/"))
        await server.application.begun()
        writer.close()
        assert isinstance(await server.application.ended(), ClientClosed)
