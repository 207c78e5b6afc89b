"""An HTTP/1.1 connection: requests are answered one after the other, in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from ...errors import ClientClosed, RequestError, RequestTimeout
from ...http.websocket import WebSocketAnswer
from ..connection import EVERY_SWEEP, Connection
from ..inbound_body import InboundBody
from ..roster import LAST_CALL_SECONDS
from ..websocket import HandedOver, Handshake, speak
from .exchange import Http1Exchange
from .intake import Intake

if TYPE_CHECKING:
    from ..listener import Listener

_BODY_HIGH_BYTES = 65_536
_BODY_LOW_BYTES = 16_384
# What waits for the turn's end to be written at once; more is written before.
_WRITE_BYTES = 65_536
# How long a connection that closes still takes what the client sends: a close before that would reset it, and the client
# would not see its answer (RFC 9112 section 9.6).
_LINGER_SECONDS = 2.0


class Http1Connection(Connection):
    """Answers what its intake makes of the bytes that come in."""

    __slots__ = (
        "_current",
        "_deaf",
        "_done",
        "_flushing",
        "_handshake",
        "_intake",
        "_out",
        "_out_bytes",
        "_reading",
        "_waiting",
    )

    def __init__(self, listener: Listener, transport: asyncio.Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        self._intake = Intake(self)
        self._deaf = self._done = False
        self._reading = True
        self._handshake: Handshake
        self._current: Http1Exchange | None = None
        self._waiting: deque[Http1Exchange] | None = None
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._flushing = False

    def begin(self) -> None:
        """Expect the first request, of which bytes are here already."""
        self.deadline = self.loop.time() + self.listener.limits.head_timeout

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes in."""
        if self._deaf:
            return
        began_earlier = self._intake.in_head
        try:
            self._intake.feed(data)
        except RequestError as error:
            if not self._deaf:
                self._refuse(error)
        else:
            if self._intake.in_head and not began_earlier and self._current is None:
                self.deadline = min(self.deadline, self.loop.time() + self.listener.limits.head_timeout)

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
        if self.stalls_too_long(now):
            self.abort()
        elif self._current is not None:
            self._hurry_body(self._current, now)
        elif self._deaf:
            self.abort()
        elif self._intake.in_head:
            self._refuse(RequestTimeout(f"the head was not here after {self.listener.limits.head_timeout} s"))
        else:
            self._close(linger=False)

    def drain(self, deadline: float) -> None:
        """Answer what is under way and one request that comes before `deadline`, then close."""
        if self._current is None and not self._intake.in_head:
            self.deadline = min(self.deadline, deadline)

    # What the intake calls.

    def requested(self, exchange: Http1Exchange) -> None:
        """Answer a request, once those before it are answered."""
        if self._current is None:
            self._start(exchange)
        else:
            self._wait_in_line(exchange)

    def received(self, exchange: Http1Exchange) -> None:
        """Note that a request is here whole; behind one that was to be the last there is nothing to read."""
        if not exchange.persistent and not exchange.request.is_websocket:
            self._deaf = self._done = True

    def fed(self, body: InboundBody) -> None:
        """Let the client wait once its body comes faster than it is read."""
        if body.size >= _BODY_HIGH_BYTES:
            self._read(on=False)

    def consumed(self, size: int) -> None:
        """Go on reading once a body has been read."""
        receiving = self._intake.receiving
        if self._reading or self._waiting:
            return
        if receiving is None or receiving.body is None or receiving.body.size <= _BODY_LOW_BYTES:
            self._read(on=True)

    def asked_for_websocket(self, handshake: Handshake) -> None:
        """Read no more until the application has said whether it will be one."""
        self._handshake = handshake
        self._read(on=False)

    # What exchanges call.

    def goes_on(self, exchange: Http1Exchange) -> bool:
        """Tell whether the connection can go on after an answer whose head is about to leave."""
        if not self._waiting and self.is_old(self.loop.time()):
            return False
        if self._intake.receiving is not exchange or exchange.body is None or exchange.body.begun:
            return True
        return not exchange.expects_continue and self._intake.is_short

    def answered(self, exchange: Http1Exchange) -> None:
        """Go on after an answer that is on its way whole."""
        self._flush()
        self._current = None
        if self.closed:
            return
        receiving = self._intake.receiving
        if receiving is exchange and exchange.body is not None:
            exchange.persistent = exchange.persistent and not exchange.body.begun
            exchange.body.discard()
        if not exchange.persistent:
            self._close(linger=not self._done)
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        else:
            self._expect_more()
        if not self._waiting:
            self._read(on=True)

    async def hand_over(self, answer: WebSocketAnswer) -> int:
        """Let Hypercorn speak WebSocket from now on; return the bytes sent to the client once that has ended."""
        roster, self._current = self.listener.roster, None
        handed = HandedOver(self.transport, self.address)
        roster.replace(self, handed)
        try:
            return await speak(handed, self.transport, self._handshake, answer, self.listener.limits.message_bytes)
        finally:
            roster.remove(handed)

    def cut(self, exchange: Http1Exchange) -> None:
        """End the connection in the middle of an answer. What has left so far arrives, unless only its end would tell."""
        self._flush()
        self._current = None
        if exchange.request.http_version == "1.0":
            self.abort()
        else:
            self._close(linger=False)

    def write_soon(self, data: bytes) -> None:
        """Send bytes together with what follows them in the same turn of the loop."""
        self._out.append(data)
        self._out_bytes += len(data)
        if self._out_bytes >= _WRITE_BYTES:
            self._flush()
        elif not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    # The rest is its own.

    def _start(self, exchange: Http1Exchange) -> None:
        self._current = exchange
        self.deadline = EVERY_SWEEP
        self.listener.roster.work_began(exchange)
        exchange.task = self.loop.create_task(exchange.run())

    def _wait_in_line(self, exchange: Http1Exchange) -> None:
        """Keep a pipelined request, and take no more until it is its turn."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(exchange)
        self._read(on=False)

    def _expect_more(self) -> None:
        limits, now = self.listener.limits, self.loop.time()
        if self._deaf:
            self._close(linger=False)
        elif self._intake.in_head:
            self.deadline = now + limits.head_timeout
        else:
            self.deadline = now + (LAST_CALL_SECONDS if self.is_old(now) else limits.idle_timeout)

    def _refuse(self, error: RequestError) -> None:
        """Take no more from this client, and tell it why once it has the answers that are due before."""
        self._deaf = True
        self._intake.in_head = False
        receiving, self._intake.receiving = self._intake.receiving, None
        if receiving is not None and receiving.body is not None:
            receiving.persistent = False
            receiving.body.fail(error)
        else:
            self.requested(Http1Exchange(self, self._intake.stand_in(), body=None, persistent=False, refused=error))

    def _hurry_body(self, exchange: Http1Exchange, now: float) -> None:
        limits, body = self.listener.limits, exchange.body
        if body is not None and body.is_too_slow(limits.body_timeout, limits.body_rate, now):
            self._refuse(RequestTimeout("the client took too long to send its body"))

    def _read(self, *, on: bool) -> None:
        if on is self._reading or self.transport.is_closing():
            return
        self._reading = on
        if on:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _flush(self) -> None:
        self._flushing = False
        if self._out:
            out, self._out, self._out_bytes = self._out, [], 0
            self.write(b"".join(out))

    def _close(self, *, linger: bool) -> None:
        """Close once everything sent has left; with `linger` only after the client had time to read it."""
        self._deaf = True
        now = self.loop.time()
        if not linger:
            self.deadline = now + self.listener.limits.write_timeout
            self.transport.close()
            return
        self.deadline = now + _LINGER_SECONDS
        self._read(on=True)
        if self.transport.can_write_eof():
            self.transport.write_eof()
