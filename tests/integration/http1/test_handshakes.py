"""The handshake of a WebSocket among the other requests of a connection."""

import asyncio

import pytest

from phasegate import Request, Response
from phasegate.errors import ClientClosed
from phasegate.http.headers import Headers
from phasegate.http.websocket import Close, WebSocketAnswer
from phasegate.limits import Limits
from tests.http1_client import request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Handler, echo

VERSION = b"Sec-WebSocket-Version: 13"
KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
UPGRADE = b"Upgrade: websocket"
HANDSHAKE = request("GET", "/socket", b"Connection: Upgrade", UPGRADE, VERSION, KEY)


def message(text: bytes) -> bytes:
    """Return a text message as a client frames it, with a mask of zeros."""
    return b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text


class Echo:
    """The upstream's side of a WebSocket, which sends everything back in capitals."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[str | bytes | Close] = asyncio.Queue()

    async def receive(self) -> str | bytes | Close:
        return await self._messages.get()

    async def send(self, message: str | bytes) -> None:
        await self._messages.put(message.upper())

    async def close(self, close: Close) -> None:
        await self._messages.put(close)


def accepting(gate: asyncio.Event | None = None) -> Handler:
    """Return a handler that takes every handshake, once the gate is open."""

    async def handler(received: Request) -> Response:
        if not received.is_websocket:
            return await echo(received)
        if gate is not None:
            await gate.wait()
        return WebSocketAnswer(Headers(), Echo(), None)

    return handler


async def test_messages_may_come_with_the_handshake_and_before_it_is_taken(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(accepting(gate))
    client = await connect(server)
    await client.send(HANDSHAKE + message(b"one") + message(b"two")[:4])
    await server.application.begun()
    await client.send(message(b"two")[4:] + message(b"three"))
    assert await client.is_silent()
    gate.set()
    assert (await client.answer()).status == 101
    received = b""
    while len(received) < 17:
        received += await client.receive()
    assert received == b"\x81\x03ONE\x81\x03TWO\x81\x05THREE"


@pytest.mark.parametrize(
    "fields",
    [
        (b"Connection: Upgrade", b"Connection: keep-alive", UPGRADE),
        (b"Connection: keep-alive", b"Connection: Upgrade", UPGRADE),
        (b"Connection: Upgrade", b"Upgrade: h2c", UPGRADE),
    ],
)
async def test_a_handshake_may_have_more_than_one_connection_field(
    listen: Listen, connect: Connect, fields: tuple[bytes, ...]
) -> None:
    client = await connect(await listen(accepting()))
    assert (await client.ask(request("GET", "/socket", *fields, VERSION, KEY))).status == 101


async def test_a_handshake_that_is_taken_says_so_in_words(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(accepting()))
    answer = await client.ask(HANDSHAKE)
    assert (answer.status, answer.reason) == (101, "Switching Protocols")


async def test_a_handshake_may_stand_behind_other_requests(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(accepting(gate))
    client = await connect(server)
    await client.send(request("GET", "/a") + request("POST", "/b", body=b"abc") + HANDSHAKE + message(b"one"))
    assert [(await client.answer()).get("x-request") for _ in range(2)] == ["GET /a", "POST /b"]
    await server.application.begun(3)
    await client.send(message(b"two"))
    assert await client.is_silent()
    gate.set()
    assert (await client.answer()).status == 101
    received = b""
    while len(received) < 10:
        received += await client.receive()
    assert received == b"\x81\x03ONE\x81\x03TWO"


@pytest.mark.parametrize(
    "fields",
    [
        (UPGRADE, VERSION, KEY),
        (b"Connection: keep-alive", UPGRADE, VERSION, KEY),
        (b"Connection: Upgrade", UPGRADE, VERSION),
        (b"Connection: Upgrade", UPGRADE, KEY),
        (b"Connection: Upgrade", UPGRADE, VERSION, KEY, KEY),
        (b"Connection: Upgrade", UPGRADE, VERSION, b"Sec-WebSocket-Key: short"),
        (b"Connection: Upgrade", UPGRADE, b"Sec-WebSocket-Version: 8", KEY),
    ],
    ids=["no Connection", "no upgrade in it", "no key", "no version", "two keys", "a short key", "another version"],
)
async def test_a_handshake_that_is_none_is_400(listen: Listen, connect: Connect, fields: tuple[bytes, ...]) -> None:
    server = await listen(accepting())
    client = await connect(server)
    answer = await client.ask(request("GET", "/socket", *fields))
    assert (answer.status, answer.get("connection"), server.application.requests) == (400, "close", [])
    assert await client.rest() == b""


@pytest.mark.parametrize("version", [(b"Sec-WebSocket-Version: 8",), (VERSION, b"Sec-WebSocket-Version: 8"), ()])
async def test_a_handshake_of_another_version_is_told_which_there_is(
    listen: Listen, connect: Connect, version: tuple[bytes, ...]
) -> None:
    client = await connect(await listen(accepting()))
    answer = await client.ask(request("GET", "/socket", b"Connection: Upgrade", UPGRADE, KEY, *version))
    assert (answer.status, answer.get("sec-websocket-version")) == (400, "13")


async def test_a_handshake_that_is_not_taken_is_answered_and_ends_the_connection(
    listen: Listen, connect: Connect
) -> None:
    server = await listen()
    client = await connect(server)
    await client.send(HANDSHAKE + request("GET", "/smuggled"))
    answer = await client.answer()
    assert (answer.status, answer.get("connection"), await client.rest()) == (200, "close", b"")
    assert server.application.paths == ["/socket"]


async def test_a_client_that_leaves_before_its_handshake_is_taken_is_noticed(listen: Listen, connect: Connect) -> None:
    server = await listen(accepting(asyncio.Event()))
    client = await connect(server)
    await client.send(HANDSHAKE)
    await server.application.begun()
    client.close()
    assert isinstance(await server.application.ended(), ClientClosed)
    assert server.connections == 0


async def test_a_client_that_leaves_its_websocket_leaves_nothing_behind(listen: Listen, connect: Connect) -> None:
    server = await listen(accepting())
    client = await connect(server)
    assert (await client.ask(HANDSHAKE)).status == 101
    client.close()
    await server.application.ended()
    assert server.connections == 0


async def test_a_websocket_that_has_ended_is_closed_though_its_client_is_silent(
    listen: Listen, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.server.websocket._CLOSE_SECONDS", 0.1)
    server = await listen(accepting(), limits=Limits(message_bytes=2, idle_timeout=1.0))
    client = await connect(server)
    assert (await client.ask(HANDSHAKE + message(b"one"))).status == 101
    assert await client.rest() == b"\x88\x02\x03\xf1"
    await server.application.ended()
    assert server.connections == 0
