"""An HTTP/2 connection: a task for each request, its times, and its end."""

from __future__ import annotations

import logging
from asyncio import Task, Transport
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from ...errors import RequestError, RequestTimeout
from ..connection import EVERY_SWEEP, NEVER, Connection
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
# A frame that the client's window has cut down to less is the client's own doing: it may not answer it for nothing.
_SMALLEST_CUT_BYTES = 1024


class Http2Connection(Connection):
    """Speaks HTTP/2 with one client."""

    __slots__ = (
        "_behind",
        "_closing",
        "_farewell",
        "_idle_since",
        "_intake",
        "_kept",
        "_reading",
        "deaf",
        "exchanges",
        "session",
    )

    def __init__(self, listener: Listener, transport: Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        self.exchanges: dict[int, Http2Exchange] = {}
        """What is under way, by stream; who has sent something last comes last."""
        self.session = Session(listener.limits, lambda: listener.outbox.add(self), self.write)
        self.deaf = False
        """Whether the connection is over: what the client sends is thrown away, and it is sent no more."""
        self._intake = Intake(self)
        self._closing = self._behind = False
        self._reading = True
        self._kept = b""
        self._farewell: float | None = None
        self._idle_since = self.opened

    def flush(self) -> None:
        """Send what the session has."""
        self.session.flush()

    def begin(self) -> None:
        """Send our settings."""
        self.session.begin()
        self._intake.way = self.way("2")[:]
        self._intake.gate.credit()
        self._schedule()

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes in, those of many frames turn by turn, so that one client does not hold the others up."""
        if self._behind:
            self._kept += data
        elif not self.deaf:
            self._take(data)

    def pause_writing(self) -> None:
        """Note that the client is behind, and see to it that it does not stay so for good."""
        super().pause_writing()
        if not self.deaf:
            self.deadline = EVERY_SWEEP

    def resume_writing(self) -> None:
        """Go on writing, and reading where that had to wait."""
        super().resume_writing()
        self._read_what_can_be_taken()

    def eof_received(self) -> None:
        """Close: a client that sends no more is taken to have left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was done for the client."""
        self.lost()
        self._leave_all()

    # What the roster calls.

    def overdue(self, now: float) -> None:
        """End what takes too long."""
        if self.deaf and self._closing:
            self.close_patiently(now)
        elif self.deaf or self.stalls_too_long(now):
            self.abort()
        elif now >= self._unfinished_until():
            self._fail(ConnectionFault(ErrorCodes.ENHANCE_YOUR_CALM, "a frame or a header block took too long"))
        elif self._farewell is not None:
            self._hurry_all(now)
            if now >= self._farewell:
                self.goodbye()
        elif self.exchanges:
            self._hurry_all(now)
        elif now >= self._idle_since + self.listener.limits.idle_timeout:
            self.goodbye()
        else:
            self._schedule()

    def drain(self, deadline: float) -> None:
        """Tell the client to open no more streams, and finish those that there are (RFC 9113 section 6.8).

        It may have opened some that are on their way, so that the last word, which names the last stream, follows later.
        """
        if self.deaf or self._closing or self._farewell is not None:
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
        self.listener.roster.working.add(exchange)
        # The loop's own way of making one has it write a name for each; one that must find its loop asks the kernel first.
        exchange.task = Task(exchange.run(), loop=self.loop, name="request")
        now = self.loop.time()
        if self.is_old(now):
            self.drain(now + LAST_CALL_SECONDS)

    def consumed(self, stream: int, size: int) -> None:
        """Let the client send more, once part of a body has been read."""
        if not self.closed and not self.deaf:
            self.session.acknowledge(stream, size)

    def break_off(self, exchange: Http2Exchange, error: RequestError) -> None:
        """End a stream whose body can't be trusted (RFC 9113 section 8.1.1). Raise ConnectionFault where it is one too many."""
        if exchange.body is not None:
            exchange.body.fail(error)
        self.session.reset(exchange.stream, ErrorCodes.PROTOCOL_ERROR)
        exchange.leave()
        self._intake.gate.count_reset()

    def goodbye(self) -> None:
        """Take no further stream, and close once those that there are have ended."""
        if self._closing or self.deaf:
            return
        self._farewell = None
        self.session.say_goaway(ErrorCodes.NO_ERROR, last_stream=self.session.last_stream)
        self._closing = True
        self._rest_a_while()

    # What exchanges call.

    @property
    def is_shared(self) -> bool:
        """Whether several requests are under way, so that one that has much to send lets the others go first."""
        return len(self.exchanges) > 1

    def sent(self, exchange: Http2Exchange, size: int, *, whole: bool) -> None:
        """Note that a frame has left, which the client may acknowledge; `whole` is one that no window has cut short.

        The exchange is last in turn now, when a window opens for all.
        """
        if whole or size >= _SMALLEST_CUT_BYTES:
            self._intake.gate.credit(2)
        exchanges = self.exchanges
        if len(exchanges) > 1 and exchange.stream in exchanges:
            exchanges[exchange.stream] = exchanges.pop(exchange.stream)

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

    def _take(self, data: bytes | None) -> None:
        """Take in what a turn may hold: of these bytes, or of those that are left."""
        self._behind = False
        try:
            self._behind = self._intake.go_on() if data is None else self._intake.feed(data)
        except ConnectionFault as fault:
            self._fail(fault)
        self.session.flush()
        if self._behind:
            self.loop.call_soon(self._take_the_rest)
        elif self._intake.gate.unfinished_since is not None and not self.exchanges:
            self._schedule()
        self._read_what_can_be_taken()

    def _take_the_rest(self) -> None:
        if self.deaf or self.closed:
            self._behind = False
            return
        self._take(None)
        if not self._behind and self._kept:
            kept, self._kept = self._kept, b""
            self.data_received(kept)

    def _read_what_can_be_taken(self) -> None:
        """Let the client wait while it is far behind with reading, or we are with its frames."""
        unwritten = self.stalled and self.transport.get_write_buffer_size() > _MOST_UNWRITTEN_BYTES
        reads = not (self._behind or unwritten) or self.deaf
        if reads is self._reading or self.transport.is_closing():
            return
        self._reading = reads
        if reads:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

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

    def _unfinished_until(self) -> float:
        """Return how long a header block may take that has begun, or, where nothing is under way, any frame."""
        gate = self._intake.gate
        since = gate.unfinished_since
        if since is None or (self.exchanges and not gate.mid_block):
            return NEVER
        if not gate.mid_block:
            since = max(since, self._idle_since)
        return since + self.listener.limits.head_timeout

    def _schedule(self) -> None:
        """Say when to look at the connection next."""
        if self.deaf:
            return
        if self.exchanges or self._farewell is not None or self.stalled:
            self.deadline = EVERY_SWEEP
        else:
            self.deadline = self._idle_since + self.listener.limits.idle_timeout
            if self._intake.gate.unfinished_since is not None:
                self.deadline = min(self.deadline, self._unfinished_until())

    def _rest_a_while(self) -> None:
        """Where nothing is under way any more, wait for the next request, or close."""
        if self.exchanges or self.deaf or self.closed:
            return
        self._idle_since = self.loop.time()
        if self._closing:
            self._close()
        else:
            self._schedule()

    def _fail(self, fault: ConnectionFault) -> None:
        """End the connection over a fault of the client's."""
        fields = {"cause": fault.reason, "code": fault.code.name, "client": self.address}
        _logger.info("connection ended", extra=fields)
        self.session.say_goaway(fault.code, last_stream=self.session.last_stream)
        self._closing = False
        self._close()
        self._leave_all()

    def _close(self) -> None:
        """Send nothing more, and close once the client had time to read what was sent; one at fault gets no more time."""
        self.session.end()
        self.deaf = True
        self.deadline = self.loop.time() + _LINGER_SECONDS
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
