"""One line for each request, written in batches so that a line costs next to nothing."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from typing import Any

import orjson

from .exchange import Exchange
from .http.message import line_of
from .logs import timestamp

_FLUSH_SECONDS = 0.05
# POSIX writes up to PIPE_BUF bytes to a pipe in one piece; longer ones from several workers could mix. To a file every write
# is one piece.
_ATOMIC_BYTES = 4096
_FILE_BYTES = 1 << 20


class AccessLog:
    """Collects lines and writes them every 50 ms, whole lines at a time, to a file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._most_bytes = _FILE_BYTES if stat.S_ISREG(os.fstat(descriptor).st_mode) else _ATOMIC_BYTES
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def record(self, exchange: Exchange, status: int) -> None:
        """Note a finished exchange."""
        self._lines.append(orjson.dumps(_fields(exchange, status), option=orjson.OPT_APPEND_NEWLINE))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was noted; called by itself, and once more before the process ends."""
        lines, self._lines = self._lines, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for block in _blocks(lines, self._most_bytes):
            _write_all(self._descriptor, block)


def _fields(exchange: Exchange, status: int) -> dict[str, Any]:
    client, method, host, target, path, version = line_of(exchange.received)
    upstream, route, consumer = exchange.upstream, exchange.route, exchange.consumer
    fields: dict[str, Any] = {
        "time": timestamp(time.time()),
        "event": "access",
        "request_id": exchange.request_id,
        "client": client,
        "method": method,
        "host": host,
        "path": target.partition("?")[0] or path,
        "protocol": f"HTTP/{version}",
        "status": status,
        "bytes": exchange.bytes_sent,
        "duration_ms": int((time.monotonic() - exchange.started) * 1_000_000) / 1000,
        "route": route.id if route else None,
        "consumer": consumer.username if consumer else None,
    }
    if upstream is not None:
        fields["upstream"] = upstream.address
        fields["upstream_status"] = upstream.status
        fields["upstream_ms"] = None if upstream.seconds is None else int(upstream.seconds * 1_000_000) / 1000
        if upstream.function is not None:
            fields["function"] = upstream.function
    if exchange.error is not None:
        fields["error"] = exchange.error.code
    return fields


def _blocks(lines: list[bytes], most_bytes: int) -> Iterator[bytes]:
    """Yield the lines in blocks of at most so many bytes, a longer line alone."""
    begin = size = 0
    for place, line in enumerate(lines):
        size += len(line)
        if size > most_bytes and place > begin:
            yield b"".join(lines[begin:place])
            begin, size = place, len(line)
    yield b"".join(lines[begin:])


def _write_all(descriptor: int, block: bytes) -> None:
    while block:
        try:
            block = block[os.write(descriptor, block) :]
        except BlockingIOError:
            continue
        except OSError:
            return
