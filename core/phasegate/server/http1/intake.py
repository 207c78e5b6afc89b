"""Bytes of an HTTP/1.1 connection taken apart by httptools, and held to the limits while they come in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httptools

from ...errors import BadRequest, HeadTooLarge, PayloadTooLarge, RequestError, TargetTooLong
from ...http.body import Body
from ...http.headers import RawHeaders
from ...http.message import Request
from ..inbound_body import InboundBody
from ..incoming import head_of, request_of, stand_in
from ..websocket import Handshake
from .exchange import Http1Exchange
from .framing import Framing, framing_of

if TYPE_CHECKING:
    from .connection import Http1Connection

_logger = logging.getLogger(__name__)

# What of a body nobody wants is taken in, so that the connection can go on.
_SHORT_BODY_BYTES = 65_536
# What chunks may add to a body: their sizes and extensions.
_CHUNK_OVERHEAD_BYTES = 16_384
_CHUNK_OVERHEAD_TIMES = 8


class Intake:
    """Makes exchanges of what comes in, and gives each to its connection as soon as its head is here."""

    __slots__ = (
        "_connection",
        "_fields",
        "_framing",
        "_head_bytes",
        "_limits",
        "_overhead",
        "_parser",
        "_raw_bytes",
        "_resuming",
        "_target",
        "in_head",
        "receiving",
    )

    def __init__(self, connection: Http1Connection) -> None:
        self.in_head = False
        """Whether a head has begun and not ended."""
        self.receiving: Http1Exchange | None = None
        """Whose body is coming in."""
        self._connection = connection
        self._limits = connection.listener.limits
        self._parser = httptools.HttpRequestParser(self)
        self._framing: Framing
        self._target = b""
        self._fields: RawHeaders = []
        self._head_bytes = 0
        self._raw_bytes = 0
        self._overhead = 0
        self._resuming = False

    def feed(self, data: bytes) -> None:
        """Take bytes in. Raise RequestError for what can't be taken; nothing can be after that."""
        began_earlier = self.in_head
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            raise _cause_of(error) from error
        except httptools.HttpParserError as error:
            raise BadRequest(f"what came is not HTTP/1.1: {error}") from error
        if self.in_head:
            self._weigh_head(len(data) if began_earlier else 0)
        elif self.receiving is not None and self._framing.length is None:
            self._weigh_chunks(self.receiving, len(data))

    @property
    def is_short(self) -> bool:
        """Whether the body that comes in is declared, and short enough to be taken in for nobody."""
        length = self._framing.length
        return length is not None and length <= _SHORT_BODY_BYTES

    def stand_in(self) -> Request:
        """Return what is answered and logged in the place of a request that could not be taken in."""
        target = self._target[: self._limits.target_bytes]
        method = self._parser.get_method().decode("latin-1") if target else "-"
        listener = self._connection.listener
        return stand_in(method, target, scheme=listener.scheme, http_version="1.1", peer=self._connection.address)

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Begin a head."""
        if self._resuming:
            return
        self._target = b""
        self._fields = []
        self._head_bytes = self._raw_bytes = 0
        self.in_head = True

    def on_url(self, part: bytes) -> None:
        """Take a part of the request target."""
        if self._resuming:
            return
        self._target += part
        if len(self._target) > self._limits.target_bytes:
            raise TargetTooLong(f"the request target is over {self._limits.target_bytes} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field, or a trailer, which nobody asks for and whose size counts all the same."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.head_bytes:
            raise HeadTooLarge(f"the fields are over {self._limits.head_bytes} bytes")
        if self.in_head:
            self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Give the request to the connection."""
        if self._resuming:
            self._resuming = False
            return
        self.in_head = False
        limits, parser = self._limits, self._parser
        if len(self._fields) > limits.head_fields:
            raise HeadTooLarge(f"the request has over {limits.head_fields} fields")
        framing = self._framing = framing_of(parser.get_method(), parser.get_http_version(), self._fields)
        if framing.length is not None and framing.length > limits.body_bytes:
            raise PayloadTooLarge(f"a body of {framing.length} bytes is over the limit of {limits.body_bytes}")
        self._overhead = 0
        self.receiving = exchange = self._exchange(framing)
        self._connection.requested(exchange)

    def on_body(self, block: bytes) -> None:
        """Take a part of the body."""
        exchange = self.receiving
        if exchange is None or exchange.body is None:
            return
        if exchange.body.received + len(block) > self._limits.body_bytes:
            raise PayloadTooLarge(f"the body is over the limit of {self._limits.body_bytes} bytes")
        self._overhead -= len(block)
        exchange.body.feed(block)
        self._connection.fed(exchange.body)

    def on_message_complete(self) -> None:
        """Note that the request is here whole."""
        if self._parser.should_upgrade() and self._framing.length != 0:
            return  # llhttp takes an upgrade to have no body; it comes all the same
        exchange, self.receiving = self.receiving, None
        if exchange is not None:
            if exchange.body is not None:
                exchange.body.end()
            self._connection.received(exchange)

    # The rest is its own.

    def _exchange(self, framing: Framing) -> Http1Exchange:
        connection, listener = self._connection, self._connection.listener
        method = self._parser.get_method().decode("ascii")
        version = self._parser.get_http_version()
        body = InboundBody(connection.consumed) if framing.length != 0 else None
        try:
            head = head_of(method, self._target, self._fields)
        except BadRequest as error:
            return Http1Exchange(connection, self.stand_in(), body=body, persistent=False, refused=error)
        request = request_of(
            head,
            body=Body() if body is None else Body.streaming(body.blocks(), framing.length),
            scheme=listener.scheme,
            http_version=version,
            peer=connection.address,
            server_port=listener.port,
            is_websocket=framing.is_websocket,
        )
        persistent = self._parser.should_keep_alive() and not framing.is_websocket
        exchange = Http1Exchange(
            connection, request, body=body, persistent=persistent, expects_continue=framing.expects_continue
        )
        if body is not None and framing.expects_continue:
            body.wanted = exchange.ask_for_body
        return exchange

    def _upgrade(self, rest: bytes) -> None:
        """Act on what llhttp takes for the beginning of another protocol."""
        if self._framing.is_websocket:
            self._connection.asked_for_websocket(Handshake.of(self._target, self._fields, rest))
        else:
            self._go_on_without_upgrade(rest)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Serve a request that asks for another protocol as if it did not (RFC 9110 section 7.8).

        llhttp stops where it would begin to speak that protocol, so that another parser goes on from there, told of the
        body that is due.
        """
        self._parser = httptools.HttpRequestParser(self)
        length = self._framing.length
        if length != 0:
            kind = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
            self._resuming = True
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % kind)
        if rest:
            self.feed(rest)

    def _weigh_head(self, more: int) -> None:
        """Hold a head to the limits while its lines are not parsed yet."""
        self._raw_bytes += more
        if self._raw_bytes > self._limits.head_bytes + self._limits.target_bytes:
            raise HeadTooLarge(f"the head is over {self._limits.head_bytes} bytes")

    def _weigh_chunks(self, exchange: Http1Exchange, size: int) -> None:
        self._overhead += size
        received = exchange.body.received if exchange.body is not None else 0
        if self._overhead > _CHUNK_OVERHEAD_BYTES + _CHUNK_OVERHEAD_TIMES * received:
            raise BadRequest("the body's chunks hold more about themselves than of the body")


def _cause_of(error: httptools.HttpParserCallbackError) -> RequestError:
    cause = error.__context__
    if isinstance(cause, RequestError):
        return cause
    _logger.error("request can't be taken in", exc_info=cause)
    return RequestError("the request can't be taken in")
