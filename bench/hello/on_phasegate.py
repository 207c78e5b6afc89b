"""Hello on the gateway's own listener.

python -m bench.hello.on_phasegate PORT KEPT_SECONDS
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

import uvloop

from phasegate.errors import RequestError
from phasegate.http.message import Request, Response
from phasegate.limits import Limits
from phasegate.server.serving import Site, serve

from .answer import CONTENT_TYPE, TEXT

_BODY = TEXT.encode()


class HelloPassage:
    """One request, answered at once."""

    __slots__ = ()

    async def answer(self) -> Response:
        """Say hello."""
        return Response(200, {"content-type": CONTENT_TYPE}, _BODY)

    async def finish(self, error: RequestError | None, bytes_sent: int) -> None:
        """Do nothing more."""


class Hello:
    """Answers every request alike."""

    def begin(self, request: Request, refused: RequestError | None = None) -> HelloPassage:
        """Take a request in."""
        return HelloPassage()


async def main(port: str, kept_seconds: str) -> None:
    """Serve until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    sock = socket.create_server(("127.0.0.1", int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    limits = Limits(connections=1 << 20, connections_per_address=0, idle_timeout=float(kept_seconds))
    await serve([Site(sock, Hello())], stopping=stopping, limits=limits, graceful_timeout=5)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
