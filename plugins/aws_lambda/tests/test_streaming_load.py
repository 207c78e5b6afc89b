"""Streams that are long, and streams that are many: of the Lambda API, and of a function URL."""

from __future__ import annotations

import asyncio
import json
import resource
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import pytest

from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

pytestmark = pytest.mark.long

MEBIBYTE = 1 << 20
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)
HEAD = json.dumps({"statusCode": 200}).encode() + bytes(8)
Begin = Callable[[asyncio.StreamWriter], Any]


def chunk(payload: bytes) -> bytes:
    """Return a part of an HTTP body."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def event(kind: str, payload: bytes) -> bytes:
    """Return an event of the Lambda API's stream as one chunk of an HTTP body."""
    block = (
        b"\x0d:message-type\x07\x00\x05event" + b"\x0b:event-type\x07" + struct.pack("!H", len(kind)) + kind.encode()
    )
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack("!I", crc32(prelude)) + block + payload
    return chunk(message + struct.pack("!I", crc32(message)))


def api_part(payload: bytes) -> bytes:
    return event("PayloadChunk", payload)


class Wire(NamedTuple):
    """How a way to the function is set up, and what its streams look like."""

    plugin: Callable[[str], dict[str, Any]]
    part: Callable[[bytes], bytes]
    begin: bytes = b""
    end: bytes = b""


WIRES = {
    "invoke-stream": Wire(
        lambda url: {"function": "app", "mode": "invoke-stream", "endpoint": url},
        api_part,
        api_part(HEAD),
        event("InvokeComplete", b"{}"),
    ),
    "http": Wire(lambda url: {"function_uri": url}, chunk),
}


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    return WIRES[request.param]


@pytest.fixture
async def streaming(start_gateway: GatewayMaker, wire: Wire) -> AsyncIterator[Callable[[Begin], Any]]:
    """Return a function that starts a gateway before a Lambda whose streams are written by a function."""
    servers: list[asyncio.Server] = []

    async def start(write: Begin) -> RunningGateway:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0))
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            writer.write(wire.begin)
            await write(writer)
            writer.write(wire.end + b"0\r\n\r\n")
            writer.close()

        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048))
        port = servers[-1].sockets[0].getsockname()[1]
        times = {"timeout": 30_000, "connect_timeout": 30_000}
        plugin = wire.plugin(f"http://127.0.0.1:{port}") | times
        return await start_gateway(
            {"routes": [{"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
        )

    yield start
    for server in servers:
        server.close()


async def opened(gateway: RunningGateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def memory(name: str) -> int:
    """Return what Linux says of this process's memory, in mebibytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def test_200_megabytes_pass_at_flat_memory(streaming: Any, wire: Wire) -> None:
    piece = wire.part(bytes(65_536))

    async def write(writer: asyncio.StreamWriter) -> None:
        for _ in range(200 * 16):
            writer.write(piece)
            await writer.drain()

    reader, writer = await opened(await streaming(write))
    forget_peak()
    before, received = memory("VmRSS"), 0
    while block := await reader.read(MEBIBYTE):
        received += len(block)
    writer.close()
    assert received > 200 * MEBIBYTE
    assert memory("VmHWM") - before < 30


async def test_a_thousand_streams_at_once_all_begin_before_any_ends(streaming: Any, wire: Wire) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES[1], FILES[1]))
    gate = asyncio.Event()

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(wire.part(b"first"))
        await gate.wait()
        writer.write(wire.part(b"last"))

    gateway = await streaming(write)
    streams = [await opened(gateway) for _ in range(1000)]
    for reader, _ in streams:
        await reader.readuntil(b"first")
    gate.set()
    for reader, writer in streams:
        assert b"last" in await reader.read()
        writer.close()
