"""What an HTTP/2 client sends, made into exchanges and their bodies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.errors import ErrorCodes

from ...errors import BadRequest, HeadTooLarge, PayloadTooLarge, RequestError, TargetTooLong
from ...http.body import Body
from ..inbound_body import InboundBody
from ..incoming import Head, request_of, stand_in
from .codec import Block
from .exchange import Http2Exchange
from .gate import GOAWAY, RST_STREAM, ConnectionFault, Frame, Gate
from .request import MalformedBlock, Opening, judge_trailers, opening_of

if TYPE_CHECKING:
    from .connection import Http2Connection

_logger = logging.getLogger(__name__)

_SHORTEST_GOAWAY_BYTES = 17


class Intake:
    """Takes frames in, and keeps the connection's exchanges up to date with what they say."""

    __slots__ = ("_connection", "_limits", "gate")

    def __init__(self, connection: Http2Connection) -> None:
        self._connection = connection
        self._limits = connection.listener.limits
        self.gate = Gate(self._limits, connection.loop.time)

    def feed(self, data: bytes) -> None:
        """Take bytes in. Raise ConnectionFault for what ends the connection."""
        connection = self._connection
        for frame in self.gate.frames(data):
            self._take(frame)
            if connection.deaf:
                return

    def _take(self, frame: Frame) -> None:
        session = self._connection.session
        if frame.kind == GOAWAY:
            self._on_goaway(frame)
            return
        if frame.kind == RST_STREAM and frame.stream > session.last_stream:
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "RST_STREAM on an idle stream")
        for event in session.receive(frame):
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def _on_request(self, event: events.RequestReceived) -> None:
        connection, stream = self._connection, event.stream_id
        if connection.is_full:
            self.gate.count_control()
            connection.session.reset(stream, ErrorCodes.REFUSED_STREAM)
            return
        try:
            exchange = self._exchange(stream, connection.session.block, ended=event.stream_ended is not None)
        except MalformedBlock as malformed:
            _logger.info("request refused", extra={"cause": str(malformed), "client": connection.address})
            self.gate.count_control()
            connection.session.reset(stream, ErrorCodes.PROTOCOL_ERROR)
        else:
            connection.requested(exchange)

    def _on_data(self, event: events.DataReceived) -> None:
        stream, data, size = event.stream_id, event.data or b"", event.flow_controlled_length or 0
        session, exchange = self._connection.session, self._connection.exchanges.get(stream)
        body = exchange.body if exchange is not None else None
        if exchange is None or body is None:
            session.acknowledge(stream, size)
            return
        received = body.received + len(data)
        if exchange.length is not None and received > exchange.length:
            self._connection.break_off(exchange, BadRequest("the body is longer than its content-length"))
        elif received > self._limits.body_bytes:
            body.fail(PayloadTooLarge(f"the body is over the limit of {self._limits.body_bytes} bytes"))
        elif data:
            session.acknowledge(stream, size - len(data))
            body.feed(data)
            return
        session.acknowledge(stream, size)

    def _on_end(self, event: events.StreamEnded) -> None:
        exchange = self._connection.exchanges.get(event.stream_id)
        if exchange is None or exchange.body is None:
            return
        if exchange.length is not None and exchange.length != exchange.body.received:
            self._connection.break_off(exchange, BadRequest("the body is shorter than its content-length"))
        else:
            exchange.body.end()

    def _on_trailers(self, event: events.TrailersReceived) -> None:
        exchange = self._connection.exchanges.get(event.stream_id)
        try:
            judge_trailers(self._connection.session.block.fields)
        except MalformedBlock as malformed:
            if exchange is not None:
                self._connection.break_off(exchange, BadRequest(str(malformed)))

    def _on_reset(self, event: events.StreamReset) -> None:
        exchange = self._connection.exchanges.get(event.stream_id)
        if exchange is not None:
            exchange.leave()
            if event.remote_reset:
                self.gate.count_reset()

    def _on_window(self, event: events.WindowUpdated) -> None:
        exchanges = self._connection.exchanges
        exchange = exchanges.get(event.stream_id or 0)
        for blocked in (exchange,) if exchange is not None else exchanges.values() if not event.stream_id else ():
            blocked.open_window()

    def _on_settings(self, event: events.RemoteSettingsChanged) -> None:
        for exchange in self._connection.exchanges.values():
            exchange.open_window()

    def _on_goaway(self, frame: Frame) -> None:
        """Finish what the client has asked for: h2 would let nothing more be sent after its GOAWAY."""
        if frame.stream:
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(frame.data) < _SHORTEST_GOAWAY_BYTES:
            raise ConnectionFault(ErrorCodes.FRAME_SIZE_ERROR, "GOAWAY is too short")
        self._connection.take_no_more()

    def _exchange(self, stream: int, block: Block, *, ended: bool) -> Http2Exchange:
        connection, opening = self._connection, opening_of(block)
        listener = connection.listener
        if ended and opening.length:
            raise MalformedBlock("the body is shorter than its content-length")
        body = None if ended else InboundBody(lambda size: connection.consumed(stream, size))
        head = self._allowed(opening)
        if isinstance(head, RequestError):
            target = opening.target[: self._limits.target_bytes]
            request = stand_in(
                opening.method, target, scheme=listener.scheme, http_version="2", peer=connection.address
            )
            return Http2Exchange(connection, stream, request, body=body, length=opening.length, refused=head)
        request = request_of(
            head,
            body=Body() if body is None else Body.streaming(body.blocks(), opening.length),
            scheme=listener.scheme,
            http_version="2",
            peer=connection.address,
            server_port=listener.port,
        )
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


_HANDLERS: dict[type[events.Event], Callable[[Intake, Any], None]] = {
    events.RequestReceived: Intake._on_request,  # noqa: SLF001 (this module's own)
    events.DataReceived: Intake._on_data,  # noqa: SLF001
    events.StreamEnded: Intake._on_end,  # noqa: SLF001
    events.TrailersReceived: Intake._on_trailers,  # noqa: SLF001
    events.StreamReset: Intake._on_reset,  # noqa: SLF001
    events.WindowUpdated: Intake._on_window,  # noqa: SLF001
    events.RemoteSettingsChanged: Intake._on_settings,  # noqa: SLF001
}
