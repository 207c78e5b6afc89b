"""An HTTP/2 connection: frames through the gate into h2, and a task for each request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import DenialOfServiceError, H2Error, ProtocolError
from h2.settings import SettingCodes, Settings
from hpack.exceptions import HPACKError
from hyperframe.frame import GoAwayFrame

from ...errors import (
    BadRequest,
    ClientClosed,
    HeadTooLarge,
    PayloadTooLarge,
    RequestError,
    RequestTimeout,
    TargetTooLong,
)
from ...http.body import Body
from ..connection import EVERY_SWEEP, Connection
from ..inbound_body import InboundBody
from ..incoming import Head, request_of, stand_in
from ..roster import LAST_CALL_SECONDS
from .codec import Block, Fields, KeepingDecoder, PlainEncoder
from .exchange import Http2Exchange
from .gate import GOAWAY, LARGEST_FRAME_BYTES, PREFACE, RST_STREAM, ConnectionFault, Frame, Gate
from .request import MalformedBlock, Opening, judge_trailers, opening_of

if TYPE_CHECKING:
    from ..listener import Listener

_logger = logging.getLogger(__name__)

_STREAM_WINDOW_BYTES = 262_144
_LARGEST_WINDOW_BYTES = (1 << 31) - 1
_LAST_STREAM = (1 << 31) - 1
_FIRST_WINDOW_BYTES = 65_535
_WRITE_BYTES = 65_536
# What may wait to be written before the client's frames have to wait too: every PING is answered.
_MOST_UNWRITTEN_BYTES = 262_144
_LINGER_SECONDS = 2.0


class _H2(H2Connection):
    """h2's connection, remembering fewer of the streams that are over."""

    MAX_CLOSED_STREAMS = 1024


class Http2Connection(Connection):
    """Speaks HTTP/2 with one client."""

    __slots__ = (
        "_closing",
        "_deaf",
        "_decoder",
        "_exchanges",
        "_farewell",
        "_flushing",
        "_gate",
        "_h2",
        "_reading",
        "_unfinished_since",
        "_unflushed",
    )

    def __init__(self, listener: Listener, transport: asyncio.Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        limits = listener.limits
        self._gate = Gate(limits, self.loop.time)
        self._exchanges: dict[int, Http2Exchange] = {}
        self._deaf = False
        self._closing = False
        self._reading = True
        self._flushing = False
        self._unflushed = 0
        self._farewell: float | None = None
        self._unfinished_since: float | None = None
        # h2 says PROTOCOL_ERROR over a block that is too large; twice the limit gives us the time to answer 431.
        self._decoder = KeepingDecoder(2 * limits.head_bytes + 32 * limits.head_fields)
        self._h2 = _h2_connection(limits.streams, limits.head_bytes)
        self._h2.decoder = self._decoder
        self._h2.encoder = PlainEncoder()  # type: ignore[assignment]

    def begin(self) -> None:
        """Send our settings; the connection's own window never closes, those of its streams do."""
        self._h2.initiate_connection()
        # Enforced here, by refusing streams; h2 would end the connection over one too many.
        self._h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = _LAST_STREAM
        self._h2.local_settings.acknowledge()
        self._h2.increment_flow_control_window(_LARGEST_WINDOW_BYTES - _FIRST_WINDOW_BYTES)
        self._gate.credit()
        self._flush()
        self._h2.receive_data(PREFACE)
        self.deadline = self.loop.time() + self.listener.limits.idle_timeout

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes in."""
        if self._deaf:
            return
        try:
            for frame in self._gate.frames(data):
                if not self._take(frame):
                    return
        except ConnectionFault as fault:
            self._fail(fault.code, fault.reason)
        except ProtocolError as error:
            self._fail(_code_of(error), str(error))
        self._flush()
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
        for exchange in tuple(self._exchanges.values()):
            self._leave(exchange)

    # What the roster calls.

    def overdue(self, now: float) -> None:
        """End what takes too long."""
        if self._deaf or self.stalls_too_long(now):
            self.abort()
            return
        if self._unfinished_since is not None and now - self._unfinished_since >= self.listener.limits.head_timeout:
            self._fail(ErrorCodes.ENHANCE_YOUR_CALM, "a frame or a header block took too long")
            return
        if self._farewell is not None and now >= self._farewell:
            self._farewell = None
            self._goodbye()
        for exchange in tuple(self._exchanges.values()):
            self._hurry(exchange, now)
        if self._exchanges or self._deaf:
            return
        if self._farewell is None:
            self._goodbye()

    def drain(self, deadline: float) -> None:
        """Tell the client to send no more, and finish what is under way (RFC 9113 section 6.8)."""
        if self._closing or self._farewell is not None:
            return
        self._say_goaway(_LAST_STREAM, ErrorCodes.NO_ERROR)
        self._farewell = deadline
        self.deadline = EVERY_SWEEP

    # What exchanges call.

    def send_head(self, exchange: Http2Exchange, fields: Fields, *, last: bool) -> None:
        """Send an answer's head."""
        try:
            self._h2.send_headers(exchange.stream, fields, end_stream=last)
        except H2Error as error:
            raise ClientClosed(f"the stream is closed: {error}") from error
        self._flush_soon()

    def send_continue(self, exchange: Http2Exchange) -> None:
        """Send an interim answer."""
        if not exchange.closed:
            self._h2.send_headers(exchange.stream, [(b":status", b"100")])
            self._flush_soon()

    def room(self, exchange: Http2Exchange) -> int:
        """Return how many bytes the next frame of the stream may carry."""
        return min(self._h2.local_flow_control_window(exchange.stream), self._h2.max_outbound_frame_size)

    def send_block(self, exchange: Http2Exchange, data: bytes, *, last: bool) -> None:
        """Send one frame of a body."""
        try:
            self._h2.send_data(exchange.stream, data, end_stream=last)
        except H2Error as error:
            raise ClientClosed(f"the stream is closed: {error}") from error
        self._unflushed += len(data)
        if len(data) >= 1024 or last:
            self._gate.credit(2)
        if self._unflushed >= _WRITE_BYTES:
            self._flush()
        else:
            self._flush_soon()

    def finished(self, exchange: Http2Exchange) -> None:
        """Note that an answer is on its way whole."""
        exchange.answered = True
        self._exchanges.pop(exchange.stream, None)
        if exchange.body is not None and not exchange.body.ended and not self.closed:
            # The client may stop: nobody reads the rest (RFC 9113 section 8.1).
            exchange.body.discard()
            self._reset_stream(exchange.stream, ErrorCodes.NO_ERROR)
        self._rest_a_while()

    def reset(self, exchange: Http2Exchange, code: ErrorCodes) -> None:
        """End a stream in the middle."""
        if not exchange.closed and not exchange.answered:
            exchange.answered = True
            self._reset_stream(exchange.stream, code)

    def forget(self, exchange: Http2Exchange) -> None:
        """Note that nothing is done any more for a request."""
        self.listener.roster.work_ended(exchange)
        if self._exchanges.get(exchange.stream) is exchange:
            del self._exchanges[exchange.stream]
        self._rest_a_while()

    # Events of h2.

    def _take(self, frame: Frame) -> bool:
        """Act on a frame; tell whether to go on to the next."""
        if frame.kind == GOAWAY:
            self._on_goaway(frame)
            return not self._deaf
        if frame.kind == RST_STREAM and frame.stream > self._h2.highest_inbound_stream_id:
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "RST_STREAM on an idle stream")
        for event in self._h2.receive_data(frame.data):
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        return not self._deaf

    def _on_request(self, event: events.RequestReceived) -> None:
        stream, block = event.stream_id, self._decoder.block
        ended = event.stream_ended is not None
        if self._closing or len(self._exchanges) >= self.listener.limits.streams:
            self._gate.count_control()
            self._reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            return
        try:
            exchange = self._exchange(stream, block, ended=ended)
        except MalformedBlock as malformed:
            _logger.info("request refused", extra={"cause": str(malformed), "client": self.address})
            self._gate.count_control()
            self._reset_stream(stream, ErrorCodes.PROTOCOL_ERROR)
            return
        self._exchanges[stream] = exchange
        self.deadline = EVERY_SWEEP
        self.listener.roster.work_began(exchange)
        exchange.task = self.loop.create_task(exchange.run())
        if self._farewell is None and self.is_old(self.loop.time()):
            self.drain(self.loop.time() + LAST_CALL_SECONDS)

    def _on_data(self, event: events.DataReceived) -> None:
        stream, data, size = event.stream_id, event.data or b"", event.flow_controlled_length or 0
        exchange = self._exchanges.get(stream)
        body = exchange.body if exchange is not None else None
        if exchange is None or body is None:
            self._h2.acknowledge_received_data(size, stream)
            return
        if size > len(data):
            self._h2.acknowledge_received_data(size - len(data), stream)
        received = body.received + len(data)
        if exchange.length is not None and received > exchange.length:
            self._break_off(exchange, "the body is longer than its content-length")
            self._h2.acknowledge_received_data(len(data), stream)
        elif received > self.listener.limits.body_bytes:
            body.fail(PayloadTooLarge(f"the body is over the limit of {self.listener.limits.body_bytes} bytes"))
            self._h2.acknowledge_received_data(len(data), stream)
        elif data:
            body.feed(data)

    def _on_end(self, event: events.StreamEnded) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is None or exchange.body is None:
            return
        if exchange.length is not None and exchange.length != exchange.body.received:
            self._break_off(exchange, "the body is shorter than its content-length")
        else:
            exchange.body.end()

    def _on_trailers(self, event: events.TrailersReceived) -> None:
        exchange = self._exchanges.get(event.stream_id)
        try:
            judge_trailers(self._decoder.block.fields)
        except MalformedBlock as malformed:
            if exchange is not None:
                self._break_off(exchange, str(malformed))

    def _on_reset(self, event: events.StreamReset) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is not None:
            self._leave(exchange)
            if event.remote_reset:
                self._gate.count_reset()

    def _on_window(self, event: events.WindowUpdated) -> None:
        if event.stream_id:
            exchange = self._exchanges.get(event.stream_id)
            if exchange is not None:
                exchange.open_window()
        else:
            self._open_windows()

    def _on_settings(self, event: events.RemoteSettingsChanged) -> None:
        self._open_windows()

    def _on_goaway(self, frame: Frame) -> None:
        """Finish what the client has asked for: h2 would let nothing more be sent after its GOAWAY."""
        if frame.stream:
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(frame.data) < 17:
            raise ConnectionFault(ErrorCodes.FRAME_SIZE_ERROR, "GOAWAY is too short")
        self._closing = True
        self._rest_a_while()

    # The rest is its own.

    def _exchange(self, stream: int, block: Block, *, ended: bool) -> Http2Exchange:
        opening, listener = opening_of(block), self.listener
        if ended and opening.length:
            raise MalformedBlock("the body is shorter than its content-length")
        body = None if ended else InboundBody(lambda size: self._consumed(stream, size))
        head = self._allowed(opening)
        if isinstance(head, RequestError):
            target = opening.target[: listener.limits.target_bytes]
            request = stand_in(opening.method, target, scheme=listener.scheme, http_version="2", peer=self.address)
            return Http2Exchange(self, stream, request, body=body, length=opening.length, refused=head)
        request = request_of(
            head,
            body=Body() if body is None else Body.streaming(body.blocks(), opening.length),
            scheme=listener.scheme,
            http_version="2",
            peer=self.address,
            server_port=listener.port,
        )
        exchange = Http2Exchange(self, stream, request, body=body, length=opening.length)
        if body is not None and opening.expects_continue:
            exchange.expects_continue = True
            body.wanted = exchange.ask_for_body
        return exchange

    def _allowed(self, opening: Opening) -> Head | RequestError:
        """Return the request's head, or the error that answers it."""
        limits = self.listener.limits
        if len(opening.target) > limits.target_bytes:
            return TargetTooLong(f"the request target is over {limits.target_bytes} bytes")
        if opening.size > limits.head_bytes or opening.field_count > limits.head_fields:
            return HeadTooLarge(f"the fields are over {limits.head_bytes} bytes, or more than {limits.head_fields}")
        if opening.length is not None and opening.length > limits.body_bytes:
            return PayloadTooLarge(f"a body of {opening.length} bytes is over the limit of {limits.body_bytes}")
        return opening.head

    def _consumed(self, stream: int, size: int) -> None:
        if not self.closed and not self._deaf:
            self._h2.acknowledge_received_data(size, stream)
            self._flush_soon()

    def _break_off(self, exchange: Http2Exchange, why: str) -> None:
        """End a stream whose body can't be trusted (RFC 9113 section 8.1.1)."""
        if exchange.body is not None:
            exchange.body.fail(BadRequest(why))
        self._reset_stream(exchange.stream, ErrorCodes.PROTOCOL_ERROR)
        self._leave(exchange)

    def _leave(self, exchange: Http2Exchange) -> None:
        """Stop what is done for a request whose client wants no answer any more."""
        exchange.gone = True
        if exchange.body is not None:
            exchange.body.fail(ClientClosed("the client went away in the middle of its request"))
            exchange.body.discard()
        if exchange.task is not None:
            exchange.task.cancel()
        if not exchange.started:
            self.forget(exchange)

    def _hurry(self, exchange: Http2Exchange, now: float) -> None:
        limits, body = self.listener.limits, exchange.body
        if body is not None and body.is_too_slow(limits.body_timeout, limits.body_rate, now):
            body.fail(RequestTimeout("the client took too long to send its body"))
        if exchange.is_blocked_too_long(limits.write_timeout, limits.body_rate, now):
            self._reset_stream(exchange.stream, ErrorCodes.CANCEL)
            self._leave(exchange)

    def _reset_stream(self, stream: int, code: ErrorCodes) -> None:
        try:
            self._h2.reset_stream(stream, code)
        except H2Error:
            return  # it is over already
        self._flush_soon()

    def _open_windows(self) -> None:
        for exchange in self._exchanges.values():
            exchange.open_window()

    def _time_what_is_unfinished(self) -> None:
        """Give a header block its time, and where nothing is under way any frame that has begun."""
        if not self._gate.mid_block and (self._exchanges or not self._gate.unfinished):
            self._unfinished_since = None
        elif self._unfinished_since is None:
            self._unfinished_since = now = self.loop.time()
            self.deadline = min(self.deadline, now + self.listener.limits.head_timeout)

    def _rest_a_while(self) -> None:
        """Where nothing is under way any more, wait for the next request, or say goodbye."""
        if self._exchanges or self._deaf or self.closed:
            return
        if self._closing:
            self._close()
        elif self._farewell is None:
            self.deadline = self.loop.time() + self.listener.limits.idle_timeout

    def _goodbye(self) -> None:
        """Take no further stream, and close once those that there are have ended."""
        self._closing = True
        self._say_goaway(self._h2.highest_inbound_stream_id, ErrorCodes.NO_ERROR)
        self._rest_a_while()

    def _fail(self, code: ErrorCodes, reason: str) -> None:
        """End the connection over a fault of the client's."""
        _logger.info("connection ended", extra={"cause": reason, "code": code.name, "client": self.address})
        self._h2.clear_outbound_data_buffer()
        self._say_goaway(self._h2.highest_inbound_stream_id, code)
        self._close()
        for exchange in tuple(self._exchanges.values()):
            self._leave(exchange)

    def _say_goaway(self, last: int, code: ErrorCodes) -> None:
        """Send GOAWAY ourselves: h2 would let nothing more be sent after its own."""
        self._flush()
        self.write(GoAwayFrame(0, last_stream_id=last, error_code=int(code)).serialize())

    def _close(self) -> None:
        """Close once everything sent has left and the client had time to read it."""
        self._flush()
        self._deaf = True
        self.deadline = self.loop.time() + _LINGER_SECONDS
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._unflushed = 0
        data = self._h2.data_to_send()
        if data:
            self.write(data)


_HANDLERS: dict[type[events.Event], Callable[[Http2Connection, Any], None]] = {
    events.RequestReceived: Http2Connection._on_request,  # noqa: SLF001 (this module's own)
    events.DataReceived: Http2Connection._on_data,  # noqa: SLF001
    events.StreamEnded: Http2Connection._on_end,  # noqa: SLF001
    events.TrailersReceived: Http2Connection._on_trailers,  # noqa: SLF001
    events.StreamReset: Http2Connection._on_reset,  # noqa: SLF001
    events.WindowUpdated: Http2Connection._on_window,  # noqa: SLF001
    events.RemoteSettingsChanged: Http2Connection._on_settings,  # noqa: SLF001
}


def _h2_connection(streams: int, head_bytes: int) -> H2Connection:
    configuration = H2Configuration(
        client_side=False,
        header_encoding=None,
        validate_inbound_headers=False,
        normalize_inbound_headers=False,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    connection = _H2(configuration)
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: streams,
            SettingCodes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW_BYTES,
            SettingCodes.MAX_HEADER_LIST_SIZE: head_bytes,
            SettingCodes.MAX_FRAME_SIZE: LARGEST_FRAME_BYTES,
        },
    )
    return connection


def _code_of(error: ProtocolError) -> ErrorCodes:
    """Return the code that the RFC has for what h2 found."""
    if isinstance(error.__cause__, HPACKError) and not isinstance(error, DenialOfServiceError):
        return ErrorCodes.COMPRESSION_ERROR
    return ErrorCodes(error.error_code)
