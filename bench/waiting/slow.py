"""An upstream that takes its time: it answers each GET that has the key after a while, and any number of them at once.

python -m bench.waiting.slow PORT MILLISECONDS
"""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from ..credentials import API_KEY
from ..peers import ANSWER

_END = b"\r\n\r\n"
_HEAD = "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}"
_GOOD = _HEAD.format("200 OK", len(ANSWER), ANSWER).encode()
_BAD = _HEAD.format("403 Forbidden", 0, "").encode()
_KEY = f"x-api-key: {API_KEY}\r\n".encode()
_BACKLOG = 4096


class Slow(asyncio.Protocol):
    """One connection; requests without a body, one after another."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer a request that is here whole, later."""
        self._received += data
        if self._received.endswith(_END):
            answer = _GOOD if _KEY in self._received.lower() else _BAD
            self._received = b""
            asyncio.get_running_loop().call_later(self._seconds, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def main(port: str, milliseconds: str) -> None:
    """Serve until SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    await loop.create_server(lambda: Slow(int(milliseconds) / 1000), "127.0.0.1", int(port), backlog=_BACKLOG)
    await stopping.wait()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
