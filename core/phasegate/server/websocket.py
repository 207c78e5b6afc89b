"""WebSockets on Hypercorn's protocol: what it says over ASGI, and messages passed from side to side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from ..http.headers import RawHeaders
from ..http.hygiene import HOP_BY_HOP
from ..http.websocket import GOING_AWAY, INTERNAL_ERROR, Close, WebSocket, WebSocketAnswer
from .hypercorn_config import configuration

_READ_BYTES = 65_536
_CLOSE_SECONDS = 5.0
# RFC 6455 section 5.2: the last fragment, and the opcode of a close.
_CLOSE_FRAME = b"\x88"
# Hypercorn's status line has no reason phrase, and there are clients that look for it.
_BARE_LINE = b"HTTP/1.1 101 \r\n"
_STATUS_LINE = b"HTTP/1.1 101 Switching Protocols\r\n"
_UPGRADE = ((b"connection", b"upgrade"), (b"upgrade", b"websocket"))
_OWN = frozenset({b"connection", b"upgrade", b"sec-websocket-extensions"})


class Handshake(NamedTuple):
    """A client's handshake as it goes to Hypercorn, and what the client has sent behind it."""

    head: bytes
    rest: bytes

    @classmethod
    def of(cls, target: bytes, fields: RawHeaders, rest: bytes) -> Handshake:
        """Make the head anew of what was parsed.

        It asks for no extension: a compressed message could be a thousand times its size before anybody measures it. Of
        Connection and Upgrade it has one each: of several, Hypercorn looks at the last alone.
        """
        kept = [field for field in fields if field[0] not in _OWN]
        lines = [b"GET %b HTTP/1.1" % target, *(b": ".join(field) for field in (*kept, *_UPGRADE)), b"", b""]
        return cls(b"\r\n".join(lines), rest)


class ClientWebSocket:
    """The client's side, over ASGI."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self.bytes_sent = 0
        self._receive = receive
        self._send = send

    async def accept(self, answer: WebSocketAnswer) -> None:
        """Tell the client that its handshake was taken."""
        fields = [field for field in answer.headers.raw if field[0] not in HOP_BY_HOP]
        await self._send({"type": "websocket.accept", "subprotocol": answer.subprotocol, "headers": fields})

    async def receive(self) -> str | bytes | Close:
        """Return the next message, or why there will be none."""
        message: Any = await self._receive()
        while message["type"] != "websocket.receive":
            if message["type"] == "websocket.disconnect":
                return Close(message.get("code") or 1005, message.get("reason") or "")
            message = await self._receive()
        text: str | None = message.get("text")
        data: bytes = message.get("bytes") or b""
        return data if text is None else text

    async def send(self, message: str | bytes) -> None:
        """Send a message, waiting until the other end has room for it."""
        if isinstance(message, str):
            await self._send({"type": "websocket.send", "bytes": None, "text": message})
        else:
            await self._send({"type": "websocket.send", "bytes": message, "text": None})
        self.bytes_sent += len(message)

    async def close(self, close: Close) -> None:
        """End it; one that has ended already is no error."""
        await self._send({"type": "websocket.close", "code": close.code, "reason": close.reason})


async def relay(client: WebSocket, upstream: WebSocket, stopping: asyncio.Event) -> None:
    """Pass messages on until either side ends, or the gateway stops; then end the other side the same way."""
    ways = [asyncio.create_task(_pass_on(client, upstream)), asyncio.create_task(_pass_on(upstream, client))]
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([*ways, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*ways, stopped):
            task.cancel()
        results = await asyncio.gather(*ways, return_exceptions=True)
        ends = [result for result in results if isinstance(result, Close)]
        failed = any(isinstance(result, Exception) for result in results)
        end = ends[0] if ends else Close(INTERNAL_ERROR) if failed else Close(GOING_AWAY)
        for side in (client, upstream):
            with contextlib.suppress(Exception):
                await side.close(_sendable(end))


async def _pass_on(source: WebSocket, target: WebSocket) -> Close:
    while not isinstance(message := await source.receive(), Close):
        await target.send(message)
    return message


def _sendable(close: Close) -> Close:
    """Return an end that may be sent: some codes only say that none was (RFC 6455 section 7.4.1)."""
    if close.code in (1005, 1006, 1015):
        return Close(1000 if close.code == 1005 else GOING_AWAY)
    return close


class HandedOver:
    """A connection that Hypercorn speaks WebSocket on, as the roster knows it."""

    def __init__(self, transport: asyncio.Transport, address: str, write_timeout: float) -> None:
        self.address = address
        self.deadline = float("inf")
        self.stopping = asyncio.Event()
        self._transport = transport
        self._write_timeout = write_timeout
        self._until = 0.0

    def ended(self, now: float) -> None:
        """Close soon: the end was said, and a client that does not say it too is waited for no longer (RFC 6455 section 7.1.1)."""
        self.deadline, self._until = now + _CLOSE_SECONDS, now + self._write_timeout

    def overdue(self, now: float) -> None:
        """Close what has ended; before, a WebSocket may be silent: TCP's keep-alive finds out who is gone."""
        if now < self._until and self._transport.get_write_buffer_size():
            self.deadline = now + _CLOSE_SECONDS
        else:
            self.abort()

    def drain(self, deadline: float) -> None:
        """Tell both sides that the gateway goes away."""
        self.stopping.set()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()


class _Writer(asyncio.StreamWriter):
    """What Hypercorn writes to, a frame or a head at a time: it sees when the end is said, which Hypercorn does not tell."""

    on_close: Callable[[], None]

    def write(self, data: Any) -> None:
        """Send what Hypercorn says."""
        if data[:1] == _CLOSE_FRAME:
            self.on_close()
        elif data[: len(_BARE_LINE)] == _BARE_LINE:
            data = _STATUS_LINE + data[len(_BARE_LINE) :]
        super().write(data)


async def speak(
    handed: HandedOver, transport: asyncio.Transport, handshake: Handshake, answer: WebSocketAnswer, message_bytes: int
) -> int:
    """Let Hypercorn's TCPServer take a connection over whose handshake was judged, and pass messages on until it ends.

    Returns the bytes sent to the client.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_READ_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    writer = _Writer(transport, protocol, reader, loop)
    writer.on_close = lambda: handed.ended(loop.time())
    reader.feed_data(handshake.head)
    sent = 0

    async def application(_: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        nonlocal sent
        client = ClientWebSocket(receive, send)
        await receive()
        await client.accept(answer)
        # Hypercorn refuses a handshake behind which a message stands already.
        reader.feed_data(handshake.rest)
        transport.resume_reading()
        try:
            await relay(client, answer.peer, handed.stopping)
        finally:
            sent = client.bytes_sent

    config = configuration()
    config.websocket_max_message_size = message_bytes
    await TCPServer(ASGIWrapper(application), loop, config, WorkerContext(None), {}, reader, writer)
    return sent
