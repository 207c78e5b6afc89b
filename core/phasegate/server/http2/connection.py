"""An HTTP/2 connection: a task for each request, its times, and its end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from ...errors import RequestError, RequestTimeout
from ..connection import EVERY_SWEEP, Connection
from ..roster import LAST_CALL_SECONDS
from .exchange import Http2Exchange
from .gate import ConnectionFault
from .intake import Intake
from .session import Session

if TYPE_CHECKING:
    from ..listener import Listener

_logger = logging.getLogger(__name__)

# What may wait to be written before the client's frames have to wait too: every PING is answered.
_MOST_UNWRITTEN_BYTES = 262_144
_LINGER_SECONDS = 2.0


class Http2Connection(Connection):
    """Speaks HTTP/2 with one client."""

    __slots__ = ("_closing", "_farewell", "_intake", "_reading", "_unfinished_since", "deaf", "exchanges", "session")

    def __init__(self, listener: Listener, transport: asyncio.Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        self.exchanges: dict[int, Http2Exchange] = {}
        """What is under way, by stream."""
        self.session = Session(listener.limits, self.loop, self.write)
        self.deaf = False
        """Whether what the client sends is thrown away: the connection is over."""
        self._intake = Intake(self)
        self._closing = False
        self._reading = True
        self._farewell: float | None = None
        self._unfinished_since: float | None = None

    def begin(self) -> None:
        """Send our settings."""
        self.session.begin()
        self._intake.gate.credit()
        self.deadline = self.loop.time() + self.listener.limits.idle_timeout

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes in."""
        if self.deaf:
            return
        try:
            self._intake.feed(data)
        except ConnectionFault as fault:
            self._fail(fault)
        self.session.flush()
        self._time_what_is_unfinished()
        if self.stalled and self._reading and self.transport.get_write_buffer_size() > _MOST_UNWRITTEN_BYTES:
            self._reading = False
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on writing, and reading where that had to wait."""
        super().resume_writing()
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()

    def eof_received(self) -> None:
        """Close: a client that sends no more is taken to have left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was done for the client."""
        self.lost()
        self._leave_all()

    # What the roster calls.

    def overdue(self, now: float) -> None:
        """End what takes too long."""
        limits = self.listener.limits
        if self.deaf or self.stalls_too_long(now):
            self.abort()
        elif self._unfinished_since is not None and now - self._unfinished_since >= limits.head_timeout:
            self._fail(ConnectionFault(ErrorCodes.ENHANCE_YOUR_CALM, "a frame or a header block took too long"))
        elif self._farewell is not None:
            self._hurry_all(now)
            if now >= self._farewell:
                self._goodbye()
        elif self.exchanges:
            self._hurry_all(now)
        else:
            self._goodbye()

    def drain(self, deadline: float) -> None:
        """Tell the client to open no more streams, and finish those that there are (RFC 9113 section 6.8).

        It may have opened some that are on their way, so that the last word, which names the last stream, follows later.
        """
        if self._closing or self._farewell is not None:
            return
        self.session.say_goaway(ErrorCodes.NO_ERROR)
        self._farewell = deadline
        self.deadline = EVERY_SWEEP

    # What the intake calls.

    @property
    def is_full(self) -> bool:
        """Whether one request more must be refused."""
        return self._closing or len(self.exchanges) >= self.listener.limits.streams

    def requested(self, exchange: Http2Exchange) -> None:
        """Answer a request."""
        self.exchanges[exchange.stream] = exchange
        self.deadline = EVERY_SWEEP
        self.listener.roster.work_began(exchange)
        exchange.task = self.loop.create_task(exchange.run())
        now = self.loop.time()
        if self.is_old(now):
            self.drain(now + LAST_CALL_SECONDS)

    def consumed(self, stream: int, size: int) -> None:
        """Let the client send more, once part of a body has been read."""
        if not self.closed and not self.deaf:
            self.session.acknowledge(stream, size)

    def break_off(self, exchange: Http2Exchange, error: RequestError) -> None:
        """End a stream whose body can't be trusted (RFC 9113 section 8.1.1)."""
        if exchange.body is not None:
            exchange.body.fail(error)
        self.session.reset(exchange.stream, ErrorCodes.PROTOCOL_ERROR)
        exchange.leave()

    def take_no_more(self) -> None:
        """Close once what is under way has ended."""
        self._closing = True
        self._rest_a_while()

    # What exchanges call.

    def sent(self, size: int, *, last: bool) -> None:
        """Note that part of a body has left, which the client may acknowledge."""
        if last or size >= 1024:
            self._intake.gate.credit(2)

    def finished(self, exchange: Http2Exchange) -> None:
        """Note that an answer is on its way whole."""
        self.exchanges.pop(exchange.stream, None)
        if exchange.body is not None and not exchange.body.ended and not self.closed:
            # The client may stop: nobody reads the rest (RFC 9113 section 8.1).
            exchange.body.discard()
            self.session.reset(exchange.stream, ErrorCodes.NO_ERROR)
        self._rest_a_while()

    def forget(self, exchange: Http2Exchange) -> None:
        """Note that nothing is done any more for a request."""
        self.listener.roster.work_ended(exchange)
        if self.exchanges.get(exchange.stream) is exchange:
            del self.exchanges[exchange.stream]
            self._rest_a_while()

    # The rest is its own.

    def _leave_all(self) -> None:
        for exchange in tuple(self.exchanges.values()):
            exchange.leave()

    def _hurry_all(self, now: float) -> None:
        limits = self.listener.limits
        for exchange in tuple(self.exchanges.values()):
            body = exchange.body
            if body is not None and body.is_too_slow(limits.body_timeout, limits.body_rate, now):
                body.fail(RequestTimeout("the client took too long to send its body"))
            if exchange.is_blocked_too_long(limits.write_timeout, limits.body_rate, now):
                self.session.reset(exchange.stream, ErrorCodes.CANCEL)
                exchange.leave()

    def _time_what_is_unfinished(self) -> None:
        """Give a header block its time, and where nothing is under way any frame that has begun."""
        gate = self._intake.gate
        if not gate.mid_block and (self.exchanges or not gate.unfinished):
            self._unfinished_since = None
        elif self._unfinished_since is None:
            self._unfinished_since = now = self.loop.time()
            self.deadline = min(self.deadline, now + self.listener.limits.head_timeout)

    def _rest_a_while(self) -> None:
        """Where nothing is under way any more, wait for the next request, or close."""
        if self.exchanges or self.deaf or self.closed:
            return
        if self._closing:
            self._close()
        elif self._farewell is None:
            self.deadline = self.loop.time() + self.listener.limits.idle_timeout

    def _goodbye(self) -> None:
        """Take no further stream, and close once those that there are have ended."""
        self._farewell = None
        self.session.say_goaway(ErrorCodes.NO_ERROR, last_stream=self.session.last_stream)
        self.take_no_more()

    def _fail(self, fault: ConnectionFault) -> None:
        """End the connection over a fault of the client's."""
        fields = {"cause": fault.reason, "code": fault.code.name, "client": self.address}
        _logger.info("connection ended", extra=fields)
        self.session.say_goaway(fault.code, last_stream=self.session.last_stream)
        self._close()
        self._leave_all()

    def _close(self) -> None:
        """Close once everything sent has left and the client had time to read it."""
        self.session.flush()
        self.deaf = True
        self.deadline = self.loop.time() + _LINGER_SECONDS
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
