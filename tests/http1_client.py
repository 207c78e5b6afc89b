"""A client of HTTP/1.1 that sends exactly what it is told to, and takes answers apart without any leniency."""

import asyncio
import re
import socket
import struct
from dataclasses import dataclass

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([ -~]*)")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
)
_CHUNK_SIZE = re.compile(rb"[0-9a-f]{1,8}")
_DEADLINE_SECONDS = 10


class Cut(Exception):
    """The connection ended before the answer did; `received` is what was here of its body."""

    def __init__(self, received: bytes) -> None:
        super().__init__(received)
        self.received = received


@dataclass(frozen=True)
class Answer:
    """One answer, with any chunking undone."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes

    def get_all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for field, value in self.fields if field == name]

    def get(self, name: str) -> str | None:
        """Return the value of a field that stands there once, or None where it is missing."""
        values = self.get_all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} is there {len(values)} times")
        return values[0] if values else None


class Client:
    """One connection. Nothing is read ahead: what a test does not ask for stays in the kernel."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._received = b""
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def to(cls, port: int, *, receive_buffer: int | None = None) -> "Client":
        """Connect to a port of 127.0.0.1; a small `receive_buffer`, in bytes, makes a client that is soon behind."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        return cls(sock)

    async def send(self, data: bytes) -> None:
        """Send bytes; wait while the other end takes none."""
        await self._loop.sock_sendall(self.sock, data)

    async def receive(self, size: int = 65_536) -> bytes:
        """Return some of the next bytes, none at the end."""
        if self._received:
            data, self._received = self._received[:size], self._received[size:]
            return data
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await self._loop.sock_recv(self.sock, size)

    async def is_silent(self, seconds: float = 0.03) -> bool:
        """Tell whether nothing comes for a while, no end of the connection either."""
        try:
            async with asyncio.timeout(seconds):
                await self._more(b"")
        except TimeoutError:
            return not self._received
        return False

    async def rest(self) -> bytes:
        """Return everything that comes until the other end closes; a reset is an error."""
        data = b""
        while block := await self.receive():
            data += block
        return data

    async def answer(self, method: str = "GET") -> Answer:
        """Return the next answer; `method` is that of its request. Raise Cut where it breaks off."""
        status, reason, fields = parse_head(await self._until(b"\r\n\r\n"))
        bare = Answer(status, reason, fields, b"")
        return Answer(status, reason, fields, await self._body(bare, method))

    async def ask(self, data: bytes) -> Answer:
        """Send bytes and return the answer."""
        await self.send(data)
        return await self.answer(data.split(b" ", 1)[0].decode("latin-1"))

    def end(self) -> None:
        """Close the sending direction."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close both directions."""
        self.sock.close()

    def reset(self) -> None:
        """Close without ceremony, as a client that crashes does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def _body(self, head: Answer, method: str) -> bytes:
        if head.status < 200 or head.status in (204, 304) or method == "HEAD":
            return b""
        if head.get("transfer-encoding") is not None:
            assert head.get("transfer-encoding") == "chunked"
            assert head.get("content-length") is None
            return await self._chunks()
        length = head.get("content-length")
        if length is not None:
            return await self._exactly(int(length), b"")
        assert head.get("connection") == "close", "the answer has no end"
        return await self.rest()

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            line = (await self._until(b"\r\n", body))[:-2]
            assert _CHUNK_SIZE.fullmatch(line), line
            block = await self._exactly(int(line, 16) + 2, body)
            assert block[-2:] == b"\r\n", block[-2:]
            if line == b"0":
                return body
            body += block[:-2]

    async def _until(self, mark: bytes, before: bytes = b"") -> bytes:
        while mark not in self._received:
            await self._more(before)
        found, _, self._received = self._received.partition(mark)
        return found + mark

    async def _exactly(self, size: int, before: bytes) -> bytes:
        while len(self._received) < size:
            await self._more(before)
        data, self._received = self._received[:size], self._received[size:]
        return data

    async def _more(self, before: bytes) -> None:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            block = await self._loop.sock_recv(self.sock, 65_536)
        if not block:
            raise Cut(before + self._received)
        self._received += block


def request(
    method: str = "GET", path: str = "/", *fields: bytes, body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """Return a request with a `Host`, and the length of its body where it has one."""
    lines = [f"{method} {path} HTTP/{version}".encode("ascii"), b"Host: h", *fields]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body or b""])


def chunked(*blocks: bytes, path: str = "/", fields: tuple[bytes, ...] = (), last: bytes = b"0\r\n\r\n") -> bytes:
    """Return a request whose body comes in chunks."""
    head = request("POST", path, *fields, b"Transfer-Encoding: chunked")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks) + last


def parse_head(head: bytes) -> tuple[int, str, list[tuple[str, str]]]:
    """Return status, reason and fields of an answer; `head` ends with its empty line."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    assert status is not None, first
    fields = []
    for line in lines:
        field = _FIELD.fullmatch(line)
        assert field is not None, line
        fields.append((field[1].decode("ascii").lower(), (field[2] or b"").decode("latin-1")))
    return int(status[1]), status[2].decode("ascii"), fields


async def trickle(client: Client, data: bytes, pause: float = 0.02) -> Answer:
    """Send bytes one by one, with a pause behind each, until an answer comes."""
    answering = asyncio.create_task(client.answer())
    for byte in data:
        await client.send(bytes([byte]))
        if (await asyncio.wait([answering], timeout=pause))[0]:
            break
    return await answering
