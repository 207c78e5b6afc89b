"""Clients by the thousand, on blocking sockets: they connect, make one request each, and stay or go."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from ..errors import SliceFailed
from ..hello.answer import TEXT

_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_STATUS, _BODY = b"HTTP/1.1 200 ", TEXT.encode()
_READ_BYTES = 4096
_LIMIT_SECONDS = 30.0


@contextlib.contextmanager
def crowd(port: int, count: int, at_once: int) -> Iterator[None]:
    """Keep so many connections open while the block runs, each with one request behind it."""
    with contextlib.ExitStack() as stack:
        for sockets in _batches(port, count, at_once):
            for sock in sockets:
                stack.callback(sock.close)
            _ask(sockets)
        yield


def come_and_go(port: int, count: int, at_once: int) -> None:
    """Open so many connections, `at_once` at a time, make one request on each, and close it."""
    for sockets in _batches(port, count, at_once):
        with contextlib.ExitStack() as stack:
            for sock in sockets:
                stack.callback(sock.close)
            _ask(sockets)


def _batches(port: int, count: int, at_once: int) -> Iterator[list[socket.socket]]:
    for first in range(0, count, at_once):
        yield [_connection(port) for _ in range(min(at_once, count - first))]


def _connection(port: int) -> socket.socket:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=_LIMIT_SECONDS)
    except OSError as error:
        raise SliceFailed(f"a connection failed: {error}") from error


def _ask(sockets: list[socket.socket]) -> None:
    """Make a request on each, all in flight together. Raise SliceFailed at any answer but the right one."""
    try:
        for sock in sockets:
            sock.sendall(_REQUEST)
        for sock in sockets:
            answer = sock.recv(_READ_BYTES)
            while answer and not is_whole(answer):
                answer += (more := sock.recv(_READ_BYTES))
                if not more:
                    break
            require_good(answer)
    except OSError as error:
        raise SliceFailed(f"a request failed: {error}") from error


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer is here whole."""
    return answer.endswith(_BODY)


def require_good(answer: bytes) -> None:
    """Raise SliceFailed unless it says hello."""
    if not answer.startswith(_STATUS) or not is_whole(answer):
        raise SliceFailed(f"a request was answered {answer[:80]!r}")
