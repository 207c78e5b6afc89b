"""An HTTP/1.1 connection: requests are answered one after the other, in the order they came."""

from __future__ import annotations

from asyncio import Task, Transport
from collections import deque
from typing import TYPE_CHECKING

from ...errors import ClientClosed, RequestError, RequestTimeout
from ...http.websocket import WebSocketAnswer
from ..answering import answer
from ..connection import EVERY_SWEEP
from ..inbound_body import InboundBody
from ..roster import LAST_CALL_SECONDS
from ..websocket import HandedOver, Handshake, speak
from .exchange import Http1Exchange
from .intake import PORTION_BYTES, Intake
from .wire import Wire

if TYPE_CHECKING:
    from ..listener import Listener

_BODY_HIGH_BYTES = 65_536
_BODY_LOW_BYTES = 16_384
# What is kept unparsed of a client that sends ahead. Reading goes on until then, so that one that leaves is noticed.
_AHEAD_BYTES = 65_536


class Http1Connection(Wire):
    """Answers what its intake makes of the bytes that come in."""

    __slots__ = (
        "_ahead",
        "_current",
        "_done",
        "_handshake",
        "_intake",
        "_upgrading",
        "_waiting",
    )

    def __init__(self, listener: Listener, transport: Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        self._intake = Intake(self)
        self._done = False
        self._ahead = b""
        self._handshake: Handshake
        self._upgrading = False
        self._current: Http1Exchange | None = None
        self._waiting: deque[Http1Exchange] | None = None

    def begin(self) -> None:
        """Expect the first request, of which bytes are here already."""
        self._intake.way = self.way("1.1")[:]
        self.deadline = self.loop.time() + self.listener.limits.head_timeout

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes in, or keep them until it is their turn."""
        if self.deaf:
            self._done = False
        elif self._waiting or self._ahead or self._upgrading or len(data) > PORTION_BYTES:
            self._ahead += data
            self._take_ahead()
        else:
            self._intake.feed(data)

    def eof_received(self) -> None:
        """Close: a client that sends no more is taken to have left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was done for the client."""
        self.lost()
        gone = ClientClosed("the client went away in the middle of its request")
        current, waiting = self._current, self._waiting
        self._current = self._waiting = self._intake.receiving = None
        for exchange in (current, *(waiting or ())):
            if exchange is not None and exchange.body is not None:
                exchange.body.fail(gone)
        if current is not None:
            current.leave()

    # What the roster calls.

    def overdue(self, now: float) -> None:
        """End what takes too long."""
        if self.stalls_too_long(now) or (self._current is not None and self.has_left()):
            self.abort()
        elif self._current is not None:
            self._hurry_body(self._current, now)
        elif self.deaf:
            self.close_patiently(now)
        elif self._intake.in_head:
            self._refuse(RequestTimeout(f"the head was not here after {self.listener.limits.head_timeout} s"))
        else:
            self.close(linger=False)

    def abort(self) -> None:
        """Close at once; an answer under way must not look whole where only the end tells (RFC 9112 section 8)."""
        if self._current is not None and self._current.request.http_version == "1.0":
            self.reset()
        else:
            super().abort()

    def drain(self, deadline: float) -> None:
        """Answer what is under way and one request that comes before `deadline`, then close."""
        if self._current is None and not self._intake.in_head:
            self.deadline = min(self.deadline, deadline)

    # What the intake calls.

    def head_began(self) -> None:
        """Give the client the time there is for a head, unless an answer is under way."""
        if self._current is None:
            self.deadline = min(self.deadline, self.loop.time() + self.listener.limits.head_timeout)

    def unreadable(self, error: RequestError) -> None:
        """Refuse what can't be read; behind a request that is the last one it only shows that the client goes on sending."""
        if self.deaf:
            self._done = False
        else:
            self._refuse(error)

    def requested(self, exchange: Http1Exchange) -> None:
        """Answer a request, once those before it are answered."""
        if self._current is not None:
            self._wait_in_line(exchange)
            return
        self._current = exchange
        self.deadline = EVERY_SWEEP
        listener = self.listener
        listener.roster.working.add(exchange)
        if self._stalled:
            work = self._once_drained(exchange)
        else:
            work = answer(listener.application, exchange.request, exchange.refused, exchange)
        # The loop's own way of making one has it write a name for each; one that must find its loop asks the kernel first.
        exchange.task = Task(work, loop=self.loop, name="request")

    def received(self, exchange: Http1Exchange) -> None:
        """Note that a request is here whole; behind one that was to be the last there is nothing to read."""
        if not exchange.persistent and not exchange.request.is_websocket:
            self.deaf = self._done = True

    def fed(self, body: InboundBody) -> None:
        """Let the client wait once its body comes faster than it is read."""
        if body.size >= _BODY_HIGH_BYTES:
            self.read(on=False)

    def consumed(self, size: int) -> None:
        """Go on reading once a body has been read."""
        if not self.reading:
            self._read_on()

    def asked_for_websocket(self, handshake: Handshake) -> None:
        """Keep what comes from now on until the application has said whether it will be one."""
        self._handshake = handshake
        self._upgrading = True

    # What exchanges call.

    def goes_on(self, exchange: Http1Exchange, now: float, *, whole: bool) -> bool:
        """Tell whether the connection can go on after an answer whose head is about to leave; `whole` if its body does, too."""
        if self.is_old(now) and not self._waiting:
            return False
        if exchange.body is None or self._intake.receiving is not exchange:
            return True
        if exchange.body.begun:
            # An answer that streams may end behind the request's body; none waits for it.
            return not whole
        return not exchange.expects_continue and self._intake.is_short

    def answered(self, exchange: Http1Exchange, now: float) -> None:
        """Go on after an answer that has been sent whole."""
        self._current = None
        if self.closed:
            return
        if exchange.body is not None and self._intake.receiving is exchange:
            exchange.persistent = exchange.persistent and not exchange.body.begun
            exchange.body.discard()
        if not exchange.persistent:
            self._ahead = b""
            self.close(linger=not self._done)
            return
        listener = self.listener
        old = now >= self.old_at or listener.roster.draining
        self.deadline = now + (LAST_CALL_SECONDS if old else listener.limits.idle_timeout)
        if self._waiting or self._ahead or self._intake.in_head or self.deaf or not self.reading:
            self._go_on(now)

    async def hand_over(self, answer: WebSocketAnswer) -> int:
        """Let Hypercorn speak WebSocket from now on; return the bytes sent to the client once that has ended."""
        roster, self._current = self.listener.roster, None
        self.flush()
        self.read(on=False)
        handed = HandedOver(self.transport, self.address, self.listener.limits.write_timeout)
        roster.replace(self, handed)
        handshake = self._handshake._replace(rest=self._handshake.rest + self._ahead)
        try:
            return await speak(handed, self.transport, handshake, answer, self.listener.limits.message_bytes)
        finally:
            roster.remove(handed)

    def cut(self, exchange: Http1Exchange) -> None:
        """End the connection in the middle of an answer. What has left so far arrives, unless only its end would tell."""
        self.flush()
        self._current = None
        if exchange.request.http_version == "1.0":
            self.reset()
        else:
            self.close(linger=False)

    # The rest is its own.

    def _take_ahead(self) -> None:
        """Take in what was kept, a portion at a time, until a request has to wait for its turn."""
        ahead, start = self._ahead, 0
        while start < len(ahead) and not (self._waiting or self._upgrading or self.deaf or self.closed):
            end = start + self._intake.portion
            self._intake.feed(ahead[start:end])
            start = end
        self._ahead = ahead[start:]
        if len(self._ahead) >= _AHEAD_BYTES:
            self.read(on=False)
        elif not self.reading:
            self._read_on()

    async def _once_drained(self, exchange: Http1Exchange) -> None:
        """Make no answer for a client that takes none of those before."""
        await self.drained()
        await answer(self.listener.application, exchange.request, exchange.refused, exchange)

    def _wait_in_line(self, exchange: Http1Exchange) -> None:
        """Keep a pipelined request; what stands behind it is parsed when its turn has come."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(exchange)

    def _go_on(self, now: float) -> None:
        """Go on with what has come already, or will not come any more."""
        if self._waiting:
            self.requested(self._waiting.popleft())
        if self._ahead:
            # Not here, where an error may be under way: httptools tells what its callbacks raised by the error's context.
            self.loop.call_soon(self._take_ahead)
        if self._current is None:
            if self.deaf:
                self.close(linger=False)
            elif self._intake.in_head:
                self.deadline = now + self.listener.limits.head_timeout
        if not self.reading:
            self._read_on()

    def _refuse(self, error: RequestError) -> None:
        """Take no more from this client, and tell it why once it has the answers that are due before."""
        self.deaf = True
        self._intake.in_head = False
        receiving, self._intake.receiving = self._intake.receiving, None
        if receiving is not None and receiving.body is not None:
            receiving.persistent = False
            receiving.body.fail(error)
        else:
            self.requested(Http1Exchange.refusing(self, self._intake.stand_in(), None, error))

    def _hurry_body(self, exchange: Http1Exchange, now: float) -> None:
        limits, body = self.listener.limits, exchange.body
        if body is not None and body.is_too_slow(limits.body_timeout, limits.body_rate, now):
            self._refuse(RequestTimeout("the client took too long to send its body"))

    def _read_on(self) -> None:
        """Read again, unless what is here already has to be taken first."""
        receiving = self._intake.receiving
        behind = receiving is not None and receiving.body is not None and receiving.body.size > _BODY_LOW_BYTES
        if len(self._ahead) < _AHEAD_BYTES and not behind:
            self.read(on=True)
