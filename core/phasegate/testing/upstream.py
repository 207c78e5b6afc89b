"""An upstream that answers as a test tells it to, byte for byte if need be, and keeps what it received."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it left the gateway: its head as bytes, taken apart, and its body with any chunking undone."""

    head: bytes
    body: bytes
    connection: int

    @property
    def method(self) -> str:
        """The method of the request line."""
        return self.head.split(b" ", 1)[0].decode("ascii")

    @property
    def target(self) -> str:
        """The target of the request line, exactly as sent."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The fields in sent order, names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = [line.partition(":") for line in lines if line]
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def get(self, name: str) -> str | None:
        """Return the first value of a field."""
        return next((value for other, value in self.headers if other == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How to answer one request.

    `pieces` make a chunked body, each waiting for `gate` when there is one; `raw` is sent verbatim instead of everything
    else; `close` ends the connection afterwards, `hang` never answers, `wait` is awaited before anything is sent, and
    `delay_seconds` are let pass; `cut` resets the connection in the middle of the body.
    """

    status: int = 200
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict)
    body: bytes = b""
    pieces: Sequence[bytes] | None = None
    gate: asyncio.Event | None = None
    raw: bytes | None = None
    close: bool = False
    hang: bool = False
    wait: asyncio.Event | None = None
    delay_seconds: float = 0.0
    cut: bool = False


class FakeUpstream:
    """A server on a free port of 127.0.0.1. Replies are given in the order they were scripted, the last one for good."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.received: list[Received] = []
        self.connections = 0
        self.left = asyncio.Event()
        """Set when a client closes a connection while its request is unanswered."""
        self._replies = [Reply(body=b"ok")]
        self._fresh = True
        self._arrival = asyncio.Event()

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it listens, as a URL without path."""
        return f"{self.scheme}://{self.address}"

    def reply(self, *replies: Reply) -> None:
        """Script the next answers; the first call replaces the plain `ok`."""
        self._replies = list(replies) if self._fresh else [*self._replies, *replies]
        self._fresh = False

    async def arrived(self, count: int = 1) -> Received:
        """Wait until that many requests have come in, and return the last of them."""
        while len(self.received) < count:
            self._arrival.clear()
            await self._arrival.wait()
        return self.received[count - 1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        number = self.connections
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer, number):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        received = Received(head, await _body(reader, Received(head, b"", number)), number)
        self.received.append(received)
        self._arrival.set()
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if reply.wait is not None:
            await reply.wait.wait()
        if reply.delay_seconds:
            await asyncio.sleep(reply.delay_seconds)
        if reply.hang:
            await reader.read()
            self.left.set()
            return False
        if reply.cut:
            await _cut(reply, writer)
            return False
        await _send(reply, writer, bodiless=received.method == "HEAD")
        return not reply.close


async def _body(reader: asyncio.StreamReader, head: Received) -> bytes:
    if (head.get("transfer-encoding") or "").lower() == "chunked":
        return b"".join([chunk async for chunk in _chunks(reader)])
    return await reader.readexactly(int(head.get("content-length") or 0))


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readuntil(b"\r\n")
    await reader.readuntil(b"\r\n")


async def _send(reply: Reply, writer: asyncio.StreamWriter, *, bodiless: bool) -> None:
    if reply.raw is not None:
        writer.write(reply.raw)
    else:
        writer.write(_head(reply))
        if reply.pieces is not None and not bodiless:
            await _send_pieces(reply, writer)
        elif not bodiless:
            writer.write(reply.body)
    await writer.drain()


async def _cut(reply: Reply, writer: asyncio.StreamWriter) -> None:
    """Send half of a body, or all of its pieces without their end, and reset the connection once that has left."""
    writer.write(_head(reply))
    if reply.pieces is None:
        writer.write(reply.body[: len(reply.body) // 2])
    else:
        await _send_pieces(reply, writer, last=b"")
    writer.transport.set_write_buffer_limits(0)
    await writer.drain()
    writer.transport.abort()


async def _send_pieces(reply: Reply, writer: asyncio.StreamWriter, last: bytes = b"0\r\n\r\n") -> None:
    for piece in reply.pieces or ():
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        if reply.gate is not None:
            await reply.gate.wait()
    writer.write(last)


def _head(reply: Reply) -> bytes:
    pairs = list(reply.headers.items() if isinstance(reply.headers, Mapping) else reply.headers)
    names = {name.lower() for name, _ in pairs}
    if reply.pieces is not None:
        pairs.append(("Transfer-Encoding", "chunked"))
    elif "content-length" not in names:
        pairs.append(("Content-Length", str(len(reply.body))))
    lines = [f"HTTP/1.1 {reply.status} Reply", *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("latin-1")


@contextlib.asynccontextmanager
async def fake_upstream(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeUpstream]:
    """Run a scripted upstream for the length of a block; `tls` is its server context for HTTPS."""
    upstream = FakeUpstream(0, "https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(upstream.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        # What was accepted last has its task a few turns of the loop later, and what is closed is closed then.
        await _some_turns()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _some_turns()


async def _some_turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)
