"""A kept connection over HTTP/1.1 whose answers are waited for by whoever watches several of them."""

from __future__ import annotations

import re
import socket

from ..errors import SliceFailed

_READ_BYTES = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_STATUS = slice(9, 12)
_LIMIT_SECONDS = 120.0


class Line:
    """A connection to a port of 127.0.0.1, with one request in flight at most."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_LIMIT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""

    @property
    def own_port(self) -> int:
        """The port of its own end."""
        port: int = self._socket.getsockname()[1]
        return port

    def fileno(self) -> int:
        """Return its descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send a request. Raise SliceFailed."""
        self._answer = b""
        try:
            self._socket.sendall(request)
        except OSError as error:
            raise SliceFailed(f"a request failed: {error}") from error

    def read(self) -> tuple[int, bytes] | None:
        """Read what there is; return status and body once the answer is whole, None before. Raise SliceFailed."""
        try:
            block = self._socket.recv(_READ_BYTES)
        except OSError as error:
            raise SliceFailed(f"a request failed: {error}") from error
        if not block:
            raise SliceFailed(f"a connection ended in an answer: {self._answer[:200]!r}")
        self._answer += block
        return whole(self._answer)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request, wait for its answer, and return status and body. Raise SliceFailed."""
        self.send(request)
        while (answer := self.read()) is None:
            pass
        return answer

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def whole(answer: bytes) -> tuple[int, bytes] | None:
    """Return the status and the body of an answer with a length, None where some of it is still to come."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    if not end:
        return None
    if length is None:
        raise SliceFailed(f"an answer does not say how long it is: {head[:200]!r}")
    return (int(head[_STATUS]), body) if len(body) >= int(length[1]) else None


def request(method: str, path: str, key: str = "", body: bytes = b"") -> bytes:
    """Return a request; `key` is the Admin API's."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    if key:
        lines.append(f"X-API-KEY: {key}")
    return "\r\n".join([*lines, "", ""]).encode() + body
