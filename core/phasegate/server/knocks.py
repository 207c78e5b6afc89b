"""Sockets on which something is awaited that is to stay in them."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Callable

_logger = logging.getLogger(__name__)

_EVENTS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Knocks:
    """Tells who waits for a socket when more has come, or its peer has gone; of nothing it tells twice.

    The event loop's own readers would be called over and over for what is left where it is, and uvloop's fail over a
    connection that was reset. So there is an epoll of our own (epoll(7), edge-triggered), which the loop watches.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._waiting: dict[int, Callable[[bool], None]] = {}
        self._closing = False
        loop.add_reader(self._epoll.fileno(), self._hear)

    def await_on(self, sock: socket.socket, then: Callable[[bool], None]) -> None:
        """Call `then` whenever something has come, at once where it is here already, told whether the peer has gone."""
        self._waiting[sock.fileno()] = then
        self._epoll.register(sock, _EVENTS)

    def forget(self, sock: socket.socket) -> None:
        """Wait no more; a socket that nobody waits for is no error."""
        if self._waiting.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock)
            self._close_if_done()

    def close(self) -> None:
        """Give the epoll up once nobody waits any more."""
        self._closing = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._closing and not self._waiting and not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _hear(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            then = self._waiting.get(descriptor)
            if then is not None:
                self._tell(then, gone=bool(events & _GONE))

    def _tell(self, then: Callable[[bool], None], *, gone: bool) -> None:
        """Tell one who waits; when that fails, the others are told all the same, and its time runs out."""
        try:
            then(gone)
        except Exception:
            _logger.exception("connection failed")
