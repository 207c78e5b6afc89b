"""What an HTTP/2 client sends, made into exchanges and their bodies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.errors import ErrorCodes

from ...errors import BadRequest, HeadTooLarge, PayloadTooLarge, RequestError, TargetTooLong
from ...http.body import NOTHING, Body
from ...http.hygiene import EXPLAIN, ExplanationAsked
from ..inbound_body import InboundBody
from ..incoming import Head, WayParts, request_by, stand_in
from .codec import Block
from .exchange import Http2Exchange
from .gate import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_HEAD_BYTES,
    GOAWAY,
    HEADERS,
    PADDED,
    PRIORITIZED,
    PRIORITY_BYTES,
    RST_STREAM,
    WINDOW_UPDATE,
    Frame,
    Gate,
)
from .request import MalformedBlock, Opening, judge_trailers, opening_of, size_of
from .rules import has_odd_priority, judge, without_reserved_bit

if TYPE_CHECKING:
    from .connection import Http2Connection

_logger = logging.getLogger(__name__)

# A read may hold tens of thousands of frames; between turns others are served.
_FRAMES_A_TURN = 32
_LARGE_FRAME_BYTES = 4096
_WINDOW_UPDATE_BYTES = FRAME_HEAD_BYTES + 4
# By these flags it shows whether HEADERS are a whole block.
_SHAPE = END_HEADERS | PADDED


class Intake:
    """Takes frames in, and keeps the connection's exchanges up to date with what they say."""

    __slots__ = ("_connection", "_frames", "_limits", "_unended", "gate", "way")

    def __init__(self, connection: Http2Connection) -> None:
        self.way: WayParts
        """By which requests come."""
        self._connection = connection
        self._limits = connection.listener.limits
        self._unended = 0
        self.gate = Gate(self._limits, connection.loop.time)
        self._frames: Iterator[Frame] = iter(())

    def feed(self, data: bytes) -> bool:
        """Take bytes in; tell whether frames are left of them, for a further turn. Raise ConnectionFault as `go_on` does."""
        self._frames = self.gate.frames(data)
        return self.go_on()

    def go_on(self) -> bool:
        """Take a turn's frames in; tell whether there may be more. Raise ConnectionFault for what ends the connection."""
        taken = 0
        for frame in islice(self._frames, _FRAMES_A_TURN):
            self._take(frame)
            if self._connection.deaf:
                return False
            taken += 1
        return taken == _FRAMES_A_TURN

    def _take(self, frame: Frame) -> None:
        short_way = _SHORT_WAYS.get(frame.kind)
        if short_way is None or not short_way(self, frame):
            self._take_by_the_long_way(frame)

    def _opens(self, frame: Frame) -> bool:
        """Take in HEADERS that open a stream in the usual manner; tell whether they do."""
        if frame.flags & _SHAPE != END_HEADERS:
            return False
        start, ended = FRAME_HEAD_BYTES, frame.flags & END_STREAM != 0
        if frame.flags & PRIORITIZED:
            if has_odd_priority(frame):
                return False
            start += PRIORITY_BYTES
        if not self._connection.session.opens(frame.stream, frame.data[start:], ended=ended):
            return False
        self._on_opened(frame.stream, ended=ended)
        return True

    def _fills(self, frame: Frame) -> bool:
        """Take in DATA in the usual manner; tell whether they are so."""
        size, ended = len(frame.data) - FRAME_HEAD_BYTES, frame.flags & END_STREAM != 0
        if frame.flags & PADDED or not self._connection.session.fills(frame.stream, size, ended=ended):
            return False
        self._on_block(frame.stream, frame.data[FRAME_HEAD_BYTES:], size)
        if ended:
            self._on_ended(frame.stream)
        return True

    def _widens(self, frame: Frame) -> bool:
        """Take in a WINDOW_UPDATE in the usual manner; tell whether it is so."""
        increment = int.from_bytes(frame.data[FRAME_HEAD_BYTES:], "big") & 0x7FFFFFFF
        if len(frame.data) != _WINDOW_UPDATE_BYTES or not self._connection.session.widens(frame.stream, increment):
            return False
        self._on_opened_window(frame.stream)
        return True

    def _take_by_the_long_way(self, frame: Frame) -> None:
        session, kind = self._connection.session, frame.kind
        if kind == HEADERS:
            if frame.stream <= session.last_stream and not frame.flags & END_STREAM:
                frame = self._ended(frame)
        elif kind != DATA:
            judge(frame, session.last_stream)
            if kind == WINDOW_UPDATE:
                frame = without_reserved_bit(frame)
        if kind == GOAWAY:
            # What the client has asked for is finished, and it learns where that ends: h2 would let nothing more be sent
            # after its GOAWAY.
            self._connection.goodbye()
        elif kind <= CONTINUATION:
            self._receive(frame)

    def _receive(self, frame: Frame) -> None:
        meaning = self._connection.session.receive(frame)
        if not meaning and not self.gate.mid_block and _is_late(frame):
            self.gate.count_control()
        for event in meaning:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def _ended(self, frame: Frame) -> Frame:
        """Return second HEADERS that end nothing as trailers, and note that they are malformed (RFC 9113 section 8.1).

        h2 would end the connection over them.
        """
        self._unended = frame.stream
        return frame._replace(data=frame.data[:4] + bytes([frame.flags | END_STREAM]) + frame.data[5:])

    def _on_request(self, event: events.RequestReceived) -> None:
        self._on_opened(event.stream_id, ended=event.stream_ended is not None)

    def _on_opened(self, stream: int, *, ended: bool) -> None:
        connection = self._connection
        if connection.is_full:
            self.gate.count_control()
            connection.session.reset(stream, ErrorCodes.REFUSED_STREAM)
            return
        try:
            exchange = self._exchange(stream, connection.session.block, ended=ended)
        except MalformedBlock as malformed:
            _logger.info("request refused", extra={"cause": str(malformed), "client": connection.address})
            self.gate.count_control()
            connection.session.reset(stream, ErrorCodes.PROTOCOL_ERROR)
        else:
            connection.requested(exchange)

    def _on_data(self, event: events.DataReceived) -> None:
        self._on_block(event.stream_id, event.data or b"", event.flow_controlled_length or 0)

    def _on_block(self, stream: int, data: bytes, size: int) -> None:
        """Feed a block to its body; `size` is what it takes of the window, which padding adds to."""
        session, exchange = self._connection.session, self._connection.exchanges.get(stream)
        body = exchange.body if exchange is not None else None
        if exchange is None or body is None:
            session.acknowledge(stream, size)
            return
        received = body.received + len(data)
        if exchange.length is not None and received > exchange.length:
            self._connection.break_off(exchange, BadRequest("the body is longer than its content-length"))
        elif received > self._limits.body_bytes:
            body.received = received
            body.fail(PayloadTooLarge(f"the body is over the limit of {self._limits.body_bytes} bytes"))
        elif data:
            session.acknowledge(stream, size - len(data))
            body.feed(data)
            return
        session.acknowledge(stream, size)

    def _on_end(self, event: events.StreamEnded) -> None:
        self._on_ended(event.stream_id)

    def _on_ended(self, stream: int) -> None:
        exchange = self._connection.exchanges.get(stream)
        if exchange is None or exchange.body is None or exchange.closed:
            return
        if exchange.length is not None and exchange.length != exchange.body.received:
            self._connection.break_off(exchange, BadRequest("the body is shorter than its content-length"))
        else:
            exchange.body.end()

    def _on_trailers(self, event: events.TrailersReceived) -> None:
        exchange, fields = self._connection.exchanges.get(event.stream_id), self._connection.session.block.fields
        try:
            judge_trailers(fields, ending=self._unended != event.stream_id)
        except MalformedBlock as malformed:
            if exchange is not None:
                self._connection.break_off(exchange, BadRequest(str(malformed)))
            return
        if exchange is not None and exchange.body is not None and size_of(fields) > self._limits.head_bytes:
            exchange.body.fail(HeadTooLarge(f"the trailers are over {self._limits.head_bytes} bytes"))

    def _on_reset(self, event: events.StreamReset) -> None:
        exchange = self._connection.exchanges.get(event.stream_id)
        if exchange is not None:
            exchange.leave()
            self.gate.count_reset()

    def _on_window(self, event: events.WindowUpdated) -> None:
        self._on_opened_window(event.stream_id or 0)

    def _on_opened_window(self, stream: int) -> None:
        exchanges = self._connection.exchanges
        exchange = exchanges.get(stream)
        for blocked in (exchange,) if exchange is not None else exchanges.values() if not stream else ():
            blocked.open_window()

    def _on_settings(self, event: events.RemoteSettingsChanged) -> None:
        for exchange in self._connection.exchanges.values():
            exchange.open_window()

    def _exchange(self, stream: int, block: Block, *, ended: bool) -> Http2Exchange:
        connection, opening = self._connection, opening_of(block)
        listener = connection.listener
        if ended and opening.length:
            raise MalformedBlock("the body is shorter than its content-length")
        body = None if ended else InboundBody(lambda size: connection.consumed(stream, size))
        head = self._allowed(opening)
        if isinstance(head, ExplanationAsked):
            plain = Block([field for field in block.fields if field[0] != EXPLAIN])
            exchange = self._exchange(stream, plain, ended=ended)
            exchange.refused = exchange.refused or head
            return exchange
        if isinstance(head, RequestError):
            target = opening.target[: self._limits.target_bytes]
            request = stand_in(
                opening.method, target, scheme=listener.scheme, http_version="2", peer=connection.address
            )
            return Http2Exchange(connection, stream, request, body=body, length=opening.length, refused=head)
        taken = NOTHING if body is None else Body.incoming(body, opening.length, listener.roster.memory)
        request = request_by(self.way, head, taken)
        exchange = Http2Exchange(connection, stream, request, body=body, length=opening.length)
        if body is not None and opening.expects_continue:
            exchange.expects_continue = True
            body.wanted = exchange.ask_for_body
        return exchange

    def _allowed(self, opening: Opening) -> Head | RequestError:
        """Return the request's head, or the error that answers it."""
        limits = self._limits
        if len(opening.target) > limits.target_bytes:
            return TargetTooLong(f"the request target is over {limits.target_bytes} bytes")
        if opening.size > limits.head_bytes or opening.field_count > limits.head_fields:
            return HeadTooLarge(f"the fields are over {limits.head_bytes} bytes, or more than {limits.head_fields}")
        if opening.length is not None and opening.length > limits.body_bytes:
            return PayloadTooLarge(f"a body of {opening.length} bytes is over the limit of {limits.body_bytes}")
        return opening.head


def _is_late(frame: Frame) -> bool:
    """Tell whether a frame without a meaning was sent on a stream that is over.

    Much DATA can be on its way when a stream ends, and costs its sender what it costs us.
    """
    return frame.kind in (HEADERS, RST_STREAM) or (frame.kind == DATA and len(frame.data) < _LARGE_FRAME_BYTES)


_SHORT_WAYS: dict[int, Callable[[Intake, Frame], bool]] = {
    HEADERS: Intake._opens,  # noqa: SLF001 (this module's own)
    DATA: Intake._fills,  # noqa: SLF001
    WINDOW_UPDATE: Intake._widens,  # noqa: SLF001
}
_HANDLERS: dict[type[events.Event], Callable[[Intake, Any], None]] = {
    events.RequestReceived: Intake._on_request,  # noqa: SLF001 (this module's own)
    events.DataReceived: Intake._on_data,  # noqa: SLF001
    events.StreamEnded: Intake._on_end,  # noqa: SLF001
    events.TrailersReceived: Intake._on_trailers,  # noqa: SLF001
    events.StreamReset: Intake._on_reset,  # noqa: SLF001
    events.WindowUpdated: Intake._on_window,  # noqa: SLF001
    events.RemoteSettingsChanged: Intake._on_settings,  # noqa: SLF001
}
