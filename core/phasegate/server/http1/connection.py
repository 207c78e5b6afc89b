"""An HTTP/1.1 connection: requests taken in by httptools, one answered after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

import httptools

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
from ...http.headers import RawHeaders
from ..connection import EVERY_SWEEP, Connection
from ..inbound_body import InboundBody
from ..incoming import head_of, request_of, stand_in
from ..roster import LAST_CALL_SECONDS
from .exchange import Http1Exchange
from .framing import Framing, framing_of

if TYPE_CHECKING:
    from ..listener import Listener

_logger = logging.getLogger(__name__)

_BODY_HIGH_BYTES = 65_536
_BODY_LOW_BYTES = 16_384
# What of a body nobody wants is taken in, so that the connection can go on.
_UNWANTED_BODY_BYTES = 65_536
# What chunks may add to a body: their sizes and extensions.
_CHUNK_OVERHEAD_BYTES = 16_384
_CHUNK_OVERHEAD_TIMES = 8
# What waits for the turn's end to be written at once; more is written before.
_WRITE_BYTES = 65_536
# How long a connection that closes still takes what the client sends: a close before that would reset it, and the client
# would not see its answer (RFC 9112 section 9.6).
_LINGER_SECONDS = 2.0


class Http1Connection(Connection):
    """Parses requests, and answers them in their order."""

    __slots__ = (
        "_current",
        "_deaf",
        "_fields",
        "_flushing",
        "_framing",
        "_head_bytes",
        "_in_head",
        "_out",
        "_out_bytes",
        "_overhead",
        "_parser",
        "_raw_bytes",
        "_reading",
        "_receiving",
        "_resuming",
        "_target",
        "_waiting",
    )

    def __init__(self, listener: Listener, transport: asyncio.Transport, address: str) -> None:
        super().__init__(listener, transport, address)
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields: RawHeaders = []
        self._head_bytes = 0
        self._raw_bytes = 0
        self._overhead = 0
        self._in_head = False
        self._resuming = False
        self._deaf = False
        self._reading = True
        self._framing: Framing
        self._receiving: Http1Exchange | None = None
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
        began_earlier = self._in_head
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._refuse(_cause_of(error))
        except httptools.HttpParserError as error:
            if not self._deaf:
                self._refuse(BadRequest(f"what came is not HTTP/1.1: {error}"))
        else:
            if self._in_head:
                self._wait_for_head(len(data) if began_earlier else 0)
            elif self._receiving is not None and self._receiving.body is not None:
                self._weigh_chunks(len(data))

    def eof_received(self) -> None:
        """Close: a client that sends no more is taken to have left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was done for the client."""
        self.lost()
        gone = ClientClosed("the client went away in the middle of its request")
        for exchange in (self._current, *(self._waiting or ())):
            if exchange is not None and exchange.body is not None:
                exchange.body.fail(gone)
        if self._current is not None and self._current.task is not None:
            self._current.task.cancel()
        self._current = self._receiving = self._waiting = None

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Begin a head."""
        if self._resuming:
            return
        self._target = b""
        self._fields = []
        self._head_bytes = self._raw_bytes = 0
        self._in_head = True

    def on_url(self, part: bytes) -> None:
        """Take a part of the request target."""
        if self._resuming:
            return
        self._target += part
        if len(self._target) > self.listener.limits.target_bytes:
            raise TargetTooLong(f"the request target is over {self.listener.limits.target_bytes} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field, or a trailer, which nobody asks for and whose size counts all the same."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self.listener.limits.head_bytes:
            raise HeadTooLarge(f"the fields are over {self.listener.limits.head_bytes} bytes")
        if self._in_head:
            self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Take the request."""
        if self._resuming:
            self._resuming = False
            return
        self._in_head = False
        limits = self.listener.limits
        if len(self._fields) > limits.head_fields:
            raise HeadTooLarge(f"the request has over {limits.head_fields} fields")
        framing = self._framing = framing_of(self._parser.get_method(), self._parser.get_http_version(), self._fields)
        if framing.length is not None and framing.length > limits.body_bytes:
            raise PayloadTooLarge(f"a body of {framing.length} bytes is over the limit of {limits.body_bytes}")
        self._receiving = exchange = self._exchange(framing)
        self._overhead = 0
        if self._current is None:
            self._start(exchange)
        else:
            self._wait_in_line(exchange)

    def on_body(self, block: bytes) -> None:
        """Take a part of the body."""
        exchange = self._receiving
        if exchange is None or exchange.body is None:
            return
        body = exchange.body
        if body.received + len(block) > self.listener.limits.body_bytes:
            raise PayloadTooLarge(f"the body is over the limit of {self.listener.limits.body_bytes} bytes")
        self._overhead -= len(block)
        body.feed(block)
        if body.size >= _BODY_HIGH_BYTES:
            self._read(on=False)

    def on_message_complete(self) -> None:
        """Note that the request is here whole."""
        if self._parser.should_upgrade() and not self._resuming and self._framing.length != 0:
            return  # llhttp takes an upgrade to have no body; it comes all the same
        exchange, self._receiving = self._receiving, None
        if exchange is None:
            return
        if exchange.body is not None:
            exchange.body.end()
        if not exchange.persistent:
            self._deaf = True

    # What the roster calls.

    def overdue(self, now: float) -> None:
        """End what takes too long."""
        if self.stalls_too_long(now):
            self.abort()
        elif self._current is not None:
            self._hurry_body(self._current, now)
        elif self._deaf:
            self.abort()
        elif self._in_head:
            self._refuse(RequestTimeout(f"the head was not here after {self.listener.limits.head_timeout} s"))
        else:
            self._close(linger=False)

    def drain(self, deadline: float) -> None:
        """Answer what is under way and one request that comes before `deadline`, then close."""
        if self._current is None and not self._in_head:
            self.deadline = min(self.deadline, deadline)

    # What exchanges call.

    def goes_on(self, exchange: Http1Exchange) -> bool:
        """Tell whether the connection can go on after an answer whose head is about to leave."""
        if not self._waiting and self.is_old(self.loop.time()):
            return False
        if self._receiving is not exchange or exchange.body is None or exchange.body.begun:
            return True
        length = self._framing.length
        return not exchange.expects_continue and length is not None and length <= _UNWANTED_BODY_BYTES

    def answered(self, exchange: Http1Exchange) -> None:
        """Go on after an answer that is on its way whole."""
        self._flush()
        self._current = None
        if self.closed:
            return
        if self._receiving is exchange and exchange.body is not None:
            exchange.persistent = exchange.persistent and not exchange.body.begun
            exchange.body.discard()
        if not exchange.persistent:
            self._close(linger=self._receiving is not None or not self._deaf)
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        else:
            self._expect_more()
        if not self._waiting:
            self._read(on=True)

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

    def _exchange(self, framing: Framing) -> Http1Exchange:
        body = InboundBody(self._consumed) if framing.length != 0 else None
        persistent = self._parser.should_keep_alive()
        version = self._parser.get_http_version()
        method = self._parser.get_method().decode("ascii")
        context = {"scheme": self.listener.scheme, "http_version": version, "peer": self.address}
        try:
            head = head_of(method, self._target, self._fields)
        except BadRequest as error:
            return Http1Exchange(
                self, stand_in(method, self._target, **context), body=body, persistent=False, refused=error
            )
        request = request_of(
            head,
            body=Body() if body is None else Body.streaming(body.blocks(), framing.length),
            server_port=self.listener.port,
            **context,
        )
        exchange = Http1Exchange(
            self, request, body=body, persistent=persistent, expects_continue=framing.expects_continue
        )
        if body is not None and framing.expects_continue:
            body.wanted = exchange.ask_for_body
        return exchange

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
        elif self._in_head:
            self.deadline = now + limits.head_timeout
        else:
            self.deadline = now + (LAST_CALL_SECONDS if self.is_old(now) else limits.idle_timeout)

    def _wait_for_head(self, more: int) -> None:
        """Give a head that is not here whole its time, and hold what is not parsed yet to the limits."""
        limits = self.listener.limits
        self._raw_bytes += more
        if self._current is None and not more:
            self.deadline = min(self.deadline, self.loop.time() + limits.head_timeout)
        if self._raw_bytes > limits.head_bytes + limits.target_bytes:
            self._refuse(HeadTooLarge(f"the head is over {limits.head_bytes} bytes"))

    def _weigh_chunks(self, size: int) -> None:
        exchange = self._receiving
        self._overhead += size
        if exchange is None or exchange.body is None or self._framing.length is not None:
            return
        if self._overhead > _CHUNK_OVERHEAD_BYTES + _CHUNK_OVERHEAD_TIMES * exchange.body.received:
            self._refuse(BadRequest("the body's chunks hold more about themselves than of the body"))

    def _refuse(self, error: RequestError) -> None:
        """Take no more from this client, and tell it why once it has the answers that are due before."""
        self._deaf = True
        self._in_head = False
        receiving, self._receiving = self._receiving, None
        if receiving is not None and receiving.body is not None:
            receiving.persistent = False
            receiving.body.fail(error)
            return
        target = self._target[: self.listener.limits.target_bytes]
        method = self._parser.get_method().decode("latin-1") if target else "-"
        request = stand_in(method, target, scheme=self.listener.scheme, http_version="1.1", peer=self.address)
        exchange = Http1Exchange(self, request, body=None, persistent=False, refused=error)
        if self._current is None:
            self._start(exchange)
        else:
            self._wait_in_line(exchange)

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
            self.data_received(rest)

    def _hurry_body(self, exchange: Http1Exchange, now: float) -> None:
        limits = self.listener.limits
        body = exchange.body
        if body is not None and body.is_too_slow(limits.body_timeout, limits.body_rate, now):
            self._deaf = True
            exchange.persistent = False
            self._receiving = None
            body.fail(RequestTimeout("the client took too long to send its body"))

    def _consumed(self, size: int) -> None:
        receiving = self._receiving
        if self._reading or self._waiting:
            return
        if receiving is None or receiving.body is None or receiving.body.size <= _BODY_LOW_BYTES:
            self._read(on=True)

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


def _cause_of(error: httptools.HttpParserCallbackError) -> RequestError:
    cause = error.__context__
    if isinstance(cause, RequestError):
        return cause
    _logger.error("request can't be taken in", exc_info=cause)
    return RequestError("the request can't be taken in")
