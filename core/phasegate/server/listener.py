"""A listening socket of ours: each connection meets the protocol that its first bytes, or ALPN, ask for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import cast

from ..application import Application
from ..errors import Overloaded
from .connection import NEVER
from .http1.connection import Http1Connection
from .http1.head import head_of
from .http2.connection import Http2Connection
from .http2.gate import PREFACE
from .outgoing import own_answer
from .roster import Roster
from .sockets import BACKLOG

_SHUTDOWN_SECONDS = 5.0
# No method of HTTP/1.1 begins as the preface does any longer.
_SHORTEST_PREFACE_BYTES = 3
_OVERLOADED = own_answer(Overloaded("as many connections as there may be"))


class Listener:
    """Serves an application on one listening socket, over HTTP/1.1 and HTTP/2, with TLS when there is a context."""

    def __init__(self, application: Application, roster: Roster, tls: ssl.SSLContext | None = None) -> None:
        self.application = application
        self.roster = roster
        self.limits = roster.limits
        self.scheme = "http" if tls is None else "https"
        self.port: int | None = None
        self.loop = asyncio.get_running_loop()
        self._tls = tls
        # asyncio refuses these without TLS.
        self._handshake_seconds = self.limits.handshake_timeout if tls else None
        self._shutdown_seconds = _SHUTDOWN_SECONDS if tls else None
        self._server: asyncio.Server | None = None
        self._queue: socket.socket
        self._late: set[asyncio.Task[object]] = set()

    async def open(self, sock: socket.socket) -> None:
        """Accept connections from now on."""
        name = sock.getsockname()
        self.port = name[1] if isinstance(name, tuple) else None
        self._queue = sock.dup()
        self._server = await self.loop.create_server(
            lambda: Opening(self),
            sock=sock,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake_seconds,
            ssl_shutdown_timeout=self._shutdown_seconds,
        )

    def close(self) -> None:
        """Accept no more connections than wait for it by now; those that there are go on."""
        if self._server is None:
            return
        self._server.close()
        with self._queue:
            self._queue.setblocking(False)
            while (accepted := self._accept_waiting()) is not None:
                self._serve_late(accepted)

    def _accept_waiting(self) -> socket.socket | None:
        """Return a connection that the kernel has made and nobody has accepted; closing would reset it."""
        try:
            return self._queue.accept()[0]
        except OSError:
            return None

    def _serve_late(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        making = self.loop.connect_accepted_socket(
            lambda: Opening(self),
            accepted,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake_seconds,
            ssl_shutdown_timeout=self._shutdown_seconds,
        )
        task: asyncio.Task[object] = self.loop.create_task(making)
        self._late.add(task)
        task.add_done_callback(self._forget_late)

    def _forget_late(self, task: asyncio.Task[object]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # a handshake that fails is nobody's concern


class Opening(asyncio.Protocol):
    """A connection of which nobody knows yet which protocol it will speak."""

    __slots__ = ("__weakref__", "_listener", "_received", "_transport", "address", "deadline")

    def __init__(self, listener: Listener) -> None:
        self.address = ""
        self.deadline = NEVER
        self._listener = listener
        self._received = b""
        self._transport: asyncio.Transport
        listener.roster.accepted.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in, where there is room, and let ALPN choose its protocol."""
        listener = self._listener
        listener.roster.accepted.discard(self)
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.address = _address_of(self._transport)
        if not listener.roster.admit(self):
            self._turn_away()
            return
        self.deadline = listener.loop.time() + listener.limits.idle_timeout
        secure = transport.get_extra_info("ssl_object")
        if secure is not None and secure.selected_alpn_protocol() == "h2":
            self._hand_over(Http2Connection)

    def data_received(self, data: bytes) -> None:
        """Choose by the first bytes: HTTP/2 begins with a preface that is no HTTP/1.1 request (RFC 9113 section 3.4)."""
        received = self._received = self._received + data
        if received[: len(PREFACE)] == PREFACE[: len(received)]:
            if len(received) < len(PREFACE):
                self.deadline = min(self.deadline, self._listener.loop.time() + self._listener.limits.head_timeout)
                return
            self._hand_over(Http2Connection)
        else:
            self._hand_over(Http1Connection)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._listener.roster.remove(self)

    def overdue(self, now: float) -> None:
        """Close where nothing came, or no more of a preface; a letter that could begin one is a head that took too long."""
        if 0 < len(self._received) < _SHORTEST_PREFACE_BYTES:
            self._hand_over(Http1Connection).overdue(now)
        else:
            self._transport.abort()

    def drain(self, deadline: float) -> None:
        """Wait for a first request until `deadline`."""
        self.deadline = min(self.deadline, deadline)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _hand_over(self, protocol: type[Http1Connection | Http2Connection]) -> Http1Connection | Http2Connection:
        connection = protocol(self._listener, self._transport, self.address)
        self._transport.set_protocol(connection)
        self._listener.roster.replace(self, connection)
        connection.begin()
        if self._received:
            connection.data_received(self._received)
        return connection

    def _turn_away(self) -> None:
        self._transport.write(head_of(_OVERLOADED, "GET", persistent=False) + bytes(_OVERLOADED.body))  # type: ignore[arg-type]
        self._transport.close()


def _address_of(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
