"""Bytes of an HTTP/1.1 connection taken apart by httptools, and held to the limits while they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

from ...errors import BadRequest, HeadTooLarge, PayloadTooLarge, RequestError, TargetTooLong
from ...http.body import NOTHING, Body
from ...http.headers import RawHeaders
from ...http.hygiene import ExplanationAsked
from ...http.message import Request
from ..inbound_body import InboundBody
from ..incoming import Head, WayParts, head_of, request_by, stand_in
from ..websocket import Handshake
from .exchange import Http1Exchange
from .faults import cause_of, fault_of
from .framing import BARE, Framing, framing_of, judge_line
from .repeats import Repeats

if TYPE_CHECKING:
    from .connection import Http1Connection

# What is fed at once where requests may stand in it: a read of 256 KiB could hold ten thousand of them.
PORTION_BYTES = 16_384
# What of a body nobody wants is taken in, so that the connection can go on.
_SHORT_BODY_BYTES = 65_536
# What chunks may add to a body: their sizes and extensions.
_CHUNK_OVERHEAD_BYTES = 16_384
_CHUNK_OVERHEAD_TIMES = 8


class Intake:
    """Makes exchanges of what comes in, and gives each to its connection as soon as its head is here."""

    __slots__ = (
        "_alone",
        "_before_head",
        "_blockless",
        "_connection",
        "_fields",
        "_framing",
        "_head_bytes",
        "_limits",
        "_overhead",
        "_parser",
        "_raw",
        "_received",
        "_repeats",
        "_resuming",
        "_target",
        "in_head",
        "receiving",
        "way",
    )

    def __init__(self, connection: Http1Connection) -> None:
        self.in_head = False
        """Whether a head has begun and not ended."""
        self.receiving: Http1Exchange | None = None
        """Whose body is coming in."""
        self.way: WayParts
        """By which requests come."""
        self._connection = connection
        self._limits = connection.listener.limits
        self._parser = httptools.HttpRequestParser(self)
        self._framing: Framing
        self._target = b""
        self._fields: RawHeaders = []
        self._head_bytes = 0
        # What is being fed, with the beginning of its head where that came before.
        self._raw = b""
        self._before_head = 0
        self._overhead = 0
        # Of a body in chunks: what of it was here, and what has come since that brought nothing of it.
        self._received = self._blockless = 0
        self._resuming = False
        self._repeats = Repeats()
        # Whether no message was under way when the bytes came that are being fed.
        self._alone = False

    def feed(self, data: bytes) -> None:
        """Take a portion of bytes in. The connection is told as the last thing where a head begins, or nothing can be read."""
        began_earlier = self.in_head
        self._alone = self.receiving is None and not began_earlier
        if self._alone:
            repeats = self._repeats
            head = repeats.known if data == repeats.data else repeats.head(data, self._limits.target_bytes)
            if head is not None:
                connection = self._connection
                request = request_by(self.way, head, NOTHING, repeats.passing)
                connection.requested(Http1Exchange(connection, request, None))
                return
        try:
            rest = self._feed_parser(data)
            while rest:
                rest = self._feed_parser(rest)
        except RequestError as error:
            self._connection.unreadable(error)
        else:
            if self.in_head and not began_earlier:
                self._connection.head_began()

    @property
    def portion(self) -> int:
        """How many bytes to feed at once: the rest of a body, or few enough that they hold few requests."""
        exchange = self.receiving
        if exchange is None or exchange.body is None or self._framing.length is None:
            return PORTION_BYTES
        return max(PORTION_BYTES, self._framing.length - exchange.body.received)

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
        self._head_bytes = 0
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
        method, version = parser.get_method(), parser.get_http_version()
        if b" RTSP/" in self._raw:
            judge_line(method, self._target, self._raw)
        framing = self._framing = framing_of(method, version, self._fields)
        if framing.is_websocket and not parser.should_upgrade():
            raise BadRequest("the WebSocket handshake has no upgrade among its Connection options")
        if framing.length is not None and framing.length > limits.body_bytes:
            raise PayloadTooLarge(f"a body of {framing.length} bytes is over the limit of {limits.body_bytes}")
        self.receiving = exchange = self._exchange(method.decode("ascii"), version, framing)
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

    def _feed_parser(self, data: bytes) -> bytes:
        """Take bytes in up to where llhttp stops, and return those behind."""
        fields, receiving = self._fields, self.receiving
        self._raw = self._raw + data if self.in_head else data
        rest = b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            raise cause_of(error) from error
        except httptools.HttpParserError as error:
            raise fault_of(error) from error
        if self.in_head:
            self._weigh_head(data, goes_on=self._fields is fields, alone=receiving is None)
            return rest
        self._raw = b""
        if self.receiving is not None and self._framing.length is None:
            self._weigh_chunks(self.receiving, len(data) if self.receiving is receiving else 0)
        return rest

    def _exchange(self, method: str, version: str, framing: Framing) -> Http1Exchange:
        try:
            head = head_of(method, self._target, self._fields)
        except BadRequest as error:
            body = self._inbound(framing)
            return Http1Exchange.refusing(self._connection, self.stand_in(), body, error)
        except ExplanationAsked as asked:
            self._fields, self._alone = asked.fields, False
            exchange = self._exchange(method, version, framing)
            exchange.refused = exchange.refused or asked
            return exchange
        persistent = self._parser.should_keep_alive() and not framing.is_websocket
        if self._alone and persistent and framing is BARE:
            self._repeats.note(self._raw, head)
        exchange = self._exchange_of(head, version, framing)
        exchange.persistent = persistent
        return exchange

    def _exchange_of(self, head: Head, version: str, framing: Framing) -> Http1Exchange:
        way = self.way if version == "1.1" else (self.way[0], version, *self.way[2:])
        if framing is BARE:
            return Http1Exchange(self._connection, request_by(way, head, NOTHING), None)
        connection, body = self._connection, self._inbound(framing)
        memory = connection.listener.roster.memory
        request = request_by(way, head, NOTHING if body is None else Body.incoming(body, framing.length, memory))
        request.is_websocket = framing.is_websocket
        exchange = Http1Exchange(connection, request, body)
        if body is not None and framing.expects_continue:
            exchange.expects_continue = True
            body.wanted = exchange.ask_for_body
        return exchange

    def _inbound(self, framing: Framing) -> InboundBody | None:
        return InboundBody(self._connection.consumed) if framing.length != 0 else None

    def _upgrade(self, rest: bytes) -> bytes:
        """Act on what llhttp takes for the beginning of another protocol; return what of it is HTTP/1.1 all the same."""
        if self._framing.is_websocket:
            self._connection.asked_for_websocket(Handshake.of(self._target, self._fields, rest))
            return b""
        self._go_on_without_upgrade()
        return rest

    def _go_on_without_upgrade(self) -> None:
        """Serve a request that asks for another protocol as if it did not (RFC 9110 section 7.8).

        llhttp stops where it would begin to speak that protocol, so that another parser goes on from there, told of the
        body that is due.
        """
        self._parser = httptools.HttpRequestParser(self)
        length = self._framing.length
        if length != 0:
            kind = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
            self._resuming = True
            # Nor does what we say count: the client has said as much already.
            counted, self._head_bytes = self._head_bytes, 0
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % kind)
            self._head_bytes = counted

    def _weigh_head(self, data: bytes, *, goes_on: bool, alone: bool) -> None:
        """Hold a head to the limits while it is not here whole.

        Of one that begins in this piece, all of the piece counts where no other message ends there, and else nothing.
        """
        if not goes_on:
            self._raw = data
            self._before_head = 0 if alone and b"\r\n\r\n" not in data else len(data)
        size = len(self._raw) - self._before_head
        if size > self._limits.head_bytes + self._limits.target_bytes or len(self._fields) > self._limits.head_fields:
            raise HeadTooLarge(f"the head is over {self._limits.head_bytes} bytes or {self._limits.head_fields} fields")

    def _weigh_chunks(self, exchange: Http1Exchange, size: int) -> None:
        """Hold what chunks say of themselves to its limit; what came with the head is not told from it, nor counted.

        What brings nothing of the body is a trailer, or a single chunk's extensions: httptools keeps all of a field until it
        has ended, and copies it with each piece.
        """
        received = exchange.body.received if exchange.body is not None else 0
        self._overhead = self._overhead + size if size else 0
        self._blockless = self._blockless + size if size and received == self._received else 0
        self._received = received
        if self._overhead > _CHUNK_OVERHEAD_BYTES + _CHUNK_OVERHEAD_TIMES * received:
            raise BadRequest("the body's chunks hold more about themselves than of the body")
        if self._blockless > self._limits.head_bytes:
            raise HeadTooLarge(f"the trailers are over {self._limits.head_bytes} bytes")
