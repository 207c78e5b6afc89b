"""A listener on a free port, in front of an application that a test scripts."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from unittest import mock

from phasegate import Request, Response
from phasegate.errors import RequestError
from phasegate.http.address import Network
from phasegate.http.problem import error_response
from phasegate.limits import Limits
from phasegate.server import serving
from phasegate.server.roster import Roster
from phasegate.server.serving import Protocol, Site
from phasegate.server.sockets import BACKLOG
from phasegate.settings import TLS

Handler = Callable[[Request], Awaitable[Response]]


async def echo(request: Request) -> Response:
    """Answer with the method, the path, and the body as it came."""
    body = b"".join([block async for block in request.body])
    return Response(200, {"x-request": f"{request.method} {request.path}"}, body)


class Scripted:
    """An application that answers as its handler says, and keeps what it saw."""

    def __init__(self, handler: Handler = echo) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        """What reached the handler."""
        self.refused: list[RequestError] = []
        """Why the listener refused what it refused."""
        self.ends: list[RequestError | None] = []
        """How each exchange ended, refused ones among them."""
        self._news = asyncio.Event()

    def begin(self, request: Request, refused: RequestError | None = None) -> "ScriptedPassage":
        """Take a request in."""
        return ScriptedPassage(self, request, refused)

    @property
    def paths(self) -> list[str]:
        """The paths of the requests that reached the handler, in their order."""
        return [request.path for request in self.requests]

    async def begun(self, count: int = 1) -> None:
        """Wait until that many requests have reached the handler."""
        await self._until(lambda: len(self.requests) >= count)

    async def ended(self, count: int = 1) -> RequestError | None:
        """Wait until that many exchanges are over, and return how the last of them ended."""
        await self._until(lambda: len(self.ends) >= count)
        return self.ends[count - 1]

    def note(self) -> None:
        """Wake whoever waits for something to have happened."""
        self._news.set()

    async def _until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not happened():
                self._news.clear()
                await self._news.wait()


class ScriptedPassage:
    """One exchange of a scripted application."""

    def __init__(self, application: Scripted, request: Request, refused: RequestError | None) -> None:
        self._application = application
        self._request = request
        self._refused = refused

    async def answer(self) -> Response:
        """Return what the handler answers, or the refusal."""
        if self._refused is not None:
            self._application.refused.append(self._refused)
            return error_response(self._refused, "")
        self._application.requests.append(self._request)
        self._application.note()
        return await self._application.handler(self._request)

    async def finish(self, error: RequestError | None, bytes_sent: int) -> None:
        """Note how it ended."""
        self._application.ends.append(error)
        self._application.note()


class Listening:
    """An application that is served, and what serves it."""

    def __init__(self, application: Scripted, port: int, stopping: asyncio.Event) -> None:
        self.application = application
        self.port = port
        self.stopping = stopping
        self.serving: asyncio.Task[None]
        self.rosters: list[Roster] = []

    @property
    def connections(self) -> int:
        """How many connections the native listener knows of."""
        return sum(len(roster) for roster in self.rosters)


@contextlib.asynccontextmanager
async def listening(
    application: Scripted,
    *,
    limits: Limits | None = None,
    protocol: Protocol = "native",
    tls: TLS | None = None,
    trusted_proxies: tuple[Network, ...] = (),
    graceful_timeout: float = 0.2,
    send_buffer: int | None = None,
) -> AsyncIterator[Listening]:
    """Serve an application on a free port of 127.0.0.1 for the length of a block.

    With a small `send_buffer`, in bytes, the kernel keeps little of what a client has yet to take.
    """
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    if send_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    server = Listening(application, sock.getsockname()[1], asyncio.Event())

    def roster(*arguments: object) -> Roster:
        server.rosters.append(Roster(*arguments))  # type: ignore[arg-type]
        return server.rosters[-1]

    with mock.patch.object(serving, "Roster", roster):
        server.serving = asyncio.create_task(
            serving.serve(
                [Site(sock, application, tls)],
                stopping=server.stopping,
                protocol=protocol,
                limits=limits or Limits(),
                trusted_proxies=trusted_proxies,
                graceful_timeout=graceful_timeout,
            )
        )
        await asyncio.sleep(0)
    try:
        yield server
    finally:
        server.stopping.set()
        await asyncio.wait_for(server.serving, 10)
