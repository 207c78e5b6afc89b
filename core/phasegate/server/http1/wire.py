"""The transport's side of an HTTP/1.1 connection: whether the client is let send, is still there, and a gentle end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from ..connection import EVERY_SWEEP, Connection

if TYPE_CHECKING:
    from ..listener import Listener

# How long a connection that closes still takes what the client sends: a close before that would reset it, and the client
# would not see its answer (RFC 9112 section 9.6).
_LINGER_SECONDS = 2.0
_RESET = struct.pack("ii", 1, 0)
_ESTABLISHED = 1


class Wire(Connection):
    """Pauses and closes; what it all means is a subclass's affair."""

    __slots__ = ("deaf", "reading")

    def __init__(self, listener: Listener, transport: asyncio.Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        self.deaf = False
        """Whether nothing that comes is looked at any more."""
        self.reading = True

    def read(self, *, on: bool) -> None:
        """Take what the client sends, or let it wait."""
        if on is self.reading or self.transport.is_closing():
            return
        self.reading = on
        if on:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def has_left(self) -> bool:
        """Tell whether the client has gone, which nobody is told while it has to wait with what it sends."""
        if self.reading:
            return False
        try:
            state = self.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        except OSError:
            return True
        return state[0] != _ESTABLISHED

    def reset(self) -> None:
        """Close at once, and let the client see that it was not meant to end here."""
        self.flush()
        with contextlib.suppress(OSError):
            self.socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def close(self, *, linger: bool) -> None:
        """Close once everything sent has left; with `linger` only after the client had time to read it."""
        self.deaf = True
        self.flush()
        if not linger:
            self.deadline = EVERY_SWEEP
            self.transport.close()
            return
        self.deadline = self.loop.time() + _LINGER_SECONDS
        self.read(on=True)
        if self.transport.can_write_eof():
            # The client may have gone without our knowing yet.
            with contextlib.suppress(OSError):
                self.transport.write_eof()
