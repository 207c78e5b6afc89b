"""A connection that has just been made: it meets the protocol that ALPN, or its first bytes, ask for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from ..errors import Overloaded
from .connection import FAREWELL_SECONDS, NEVER
from .http1.connection import Http1Connection
from .http1.head import head_of
from .http2.connection import Http2Connection
from .http2.gate import PREFACE
from .outgoing import own_answer

if TYPE_CHECKING:
    from .handshake import Handshake
    from .listener import Listener

# No method of HTTP/1.1 begins as the preface does any longer.
_SHORTEST_PREFACE_BYTES = 3
_OVERLOADED = own_answer(Overloaded("as many connections as there may be"))


class Opening(asyncio.Protocol):
    """A connection of which nobody knows yet which protocol it will speak; over TLS `handshake` has led to it."""

    __slots__ = (
        "__weakref__",
        "_farewell",
        "_handshake",
        "_listener",
        "_received",
        "_transport",
        "address",
        "deadline",
    )

    def __init__(self, listener: Listener, handshake: Handshake | None = None) -> None:
        self.address = ""
        self.deadline = NEVER
        self._farewell: asyncio.TimerHandle | None = None
        self._handshake = handshake
        self._listener = listener
        self._received = b""
        self._transport: asyncio.Transport
        listener.roster.accepted.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in, where there is room, and let ALPN choose its protocol."""
        listener, handshake = self._listener, self._handshake
        listener.roster.accepted.discard(self)
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.address = handshake.address if handshake else address_of(transport.get_extra_info("peername"))
        if not (handshake.give_way_to(self) if handshake else listener.roster.admit(self)):
            self._turn_away()
            return
        self.deadline = listener.loop.time() + listener.limits.idle_timeout
        if handshake is None:
            return
        secure = transport.get_extra_info("ssl_object")
        if not handshake.accepts_chain_of(secure):
            self._transport.abort()
        elif secure.selected_alpn_protocol() == "h2":
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
        if self._farewell is not None:
            self._farewell.cancel()
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
        if self._handshake is not None:
            connection.client_rule = self._handshake.rule
        self._transport.set_protocol(connection)
        self._listener.roster.replace(self, connection)
        connection.begin()
        if self._received:
            connection.data_received(self._received)
        return connection

    def _turn_away(self) -> None:
        self._transport.write(head_of(_OVERLOADED, "GET", b"close") + bytes(_OVERLOADED.body))  # type: ignore[arg-type]
        self._transport.close()
        # The roster, which does not have it, won't look how long that takes.
        self._farewell = self._listener.loop.call_later(FAREWELL_SECONDS, self._transport.abort)


def address_of(peer: object) -> str:
    """Return the client's address, empty where the socket has none."""
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
