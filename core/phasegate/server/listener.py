"""A listening socket of ours: each connection meets the protocol that its first bytes, or ALPN, ask for."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

from ..application import Application
from ..outbox import Outbox
from ..snapshot.certificates import Certificates
from .handshake import Handshake
from .knocks import Knocks
from .opening import Opening, address_of
from .roster import Roster
from .sockets import BACKLOG

_logger = logging.getLogger(__name__)

# How many to accept before others have their turn: each is about to cost a handshake.
_AT_ONCE = 64
_ACCEPT_AGAIN_SECONDS = 1.0


class Listener:
    """Serves an application on one listening socket, over HTTP/1.1 and HTTP/2, with TLS when there is a context.

    `certificates` tells what there is at the moment beside that context's own, for the names that clients ask for.
    """

    def __init__(
        self,
        application: Application,
        roster: Roster,
        tls: ssl.SSLContext | None = None,
        certificates: Callable[[], Certificates] | None = None,
    ) -> None:
        self.application = application
        self.roster = roster
        self.limits = roster.limits
        self.scheme = "http" if tls is None else "https"
        self.port: int | None = None
        self.loop = asyncio.get_running_loop()
        self.outbox = Outbox(self.loop)
        """Where connections leave what is to be sent at the end of a turn."""
        self.certificates = certificates or Certificates
        self.making: set[asyncio.Task[object]] = set()
        """What makes connections of those that were accepted."""
        self.knocks: Knocks
        """What tells of clients, over TLS, that have yet to say which name they want."""
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._queue: socket.socket

    async def open(self, sock: socket.socket) -> None:
        """Accept connections from now on."""
        name = sock.getsockname()
        self.port = name[1] if isinstance(name, tuple) else None
        if self._tls is None:
            self._queue = sock.dup()
            self._server = await self.loop.create_server(lambda: Opening(self), sock=sock, backlog=BACKLOG)
            return
        self.knocks = Knocks(self.loop)
        self._queue = sock
        sock.listen(BACKLOG)
        sock.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Accept no more connections than wait for it by now; those that there are go on."""
        if self._server is not None:
            self._server.close()
        elif self._tls is not None:
            self.loop.remove_reader(self._queue)
        with self._queue:
            self._queue.setblocking(False)
            while (accepted := self._accept_waiting()) is not None:
                self._serve(*accepted)
        if self._tls is not None:
            self.knocks.close()

    def _accept_waiting(self) -> tuple[socket.socket, object] | None:
        """Return a connection that the kernel has made and nobody has accepted; closing would reset it."""
        try:
            return self._queue.accept()
        except OSError:
            return None

    # asyncio's own server can't wait for the name that a TLS client asks for.

    def _listen(self) -> None:
        self.loop.add_reader(self._queue, self._accept)

    def _accept(self) -> None:
        """Accept what has connected; where the system can give no more sockets, try again after a while."""
        for _ in range(_AT_ONCE):
            try:
                accepted = self._queue.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _logger.error("connections can't be accepted", extra={"cause": error.strerror})  # noqa: TRY400 (no defect)
                self.loop.remove_reader(self._queue)
                self.loop.call_later(_ACCEPT_AGAIN_SECONDS, self._listen_again)
                return
            self._serve(*accepted)

    def _listen_again(self) -> None:
        if self._queue.fileno() != -1:
            self._listen()

    def _serve(self, accepted: socket.socket, peer: object) -> None:
        accepted.setblocking(False)
        if self._tls is not None:
            Handshake(self, accepted, address_of(peer), self._tls).begin()
            return
        task: asyncio.Task[object] = self.loop.create_task(
            self.loop.connect_accepted_socket(lambda: Opening(self), accepted)
        )
        self.making.add(task)
        task.add_done_callback(self._made)

    def _made(self, task: asyncio.Task[object]) -> None:
        self.making.discard(task)
        if not task.cancelled():
            task.exception()  # a connection that ends before it is made is nobody's concern
