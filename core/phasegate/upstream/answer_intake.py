"""What comes over a connection to an upstream: an answer, taken apart by llhttp."""

from __future__ import annotations

import asyncio

import httptools

from ..errors import MalformedResponse
from ..http.headers import RawHeaders
from .head import HEAD_LIMIT_BYTES, KEPT, SMALL_HEAD_BYTES, is_framed, judge_head, judge_sizes
from .seen_names import NO_NAMES, SeenNames

NEVER = float("inf")
_AHEAD_BYTES = 65_536
_BODILESS = frozenset({204, 304})
_KEEP_ALIVE = KEPT[1]


class AnswerIntake(asyncio.Protocol):
    """Takes an answer in. llhttp refuses what two readers could take differently, and what it leaves is judged here.

    What nobody has read yet is bounded: over 64 KiB the upstream has to wait. A subclass has the transport, and says in
    `fail` what becomes of an answer that is none.
    """

    __slots__ = (
        "_address",
        "_blocks",
        "_error",
        "_fed",
        "_in_head",
        "_is_1_1",
        "_is_head",
        "_names",
        "_parser",
        "_paused",
        "_persistent",
        "_seen",
        "_send_due",
        "_size",
        "_unsent",
        "_until_close",
        "_values",
        "_waiter",
        "busy",
        "complete",
        "deadline",
        "fields",
        "status",
        "transport",
    )

    def __init__(self, address: str) -> None:
        self.transport: asyncio.Transport
        self.deadline = NEVER
        """When the sweeper calls `overdue`, by the loop's clock."""
        self.busy = False
        """Whether a call is under way."""
        self.complete = False
        """Whether the answer is here whole."""
        self.status = 0
        self.fields: RawHeaders = []
        """The answer's, but for those of the connection."""
        # Its head's, or its trailers', as far as they are here; and what is known of the names of the answer before.
        self._names: list[bytes] = []
        self._values: list[bytes] = []
        self._seen = NO_NAMES
        self._address = address
        self._parser: httptools.HttpResponseParser | None = None
        # Whether the answer ends with the connection, which is then its last, and whether that can carry another call.
        self._until_close = self._persistent = False
        # The request, as long as it waits to leave.
        self._unsent = b""
        # Bytes that came since the call began, or since the last block of its answer.
        self._fed = 0
        self._in_head = self._is_head = self._is_1_1 = False
        self._blocks: list[bytes] = []
        self._size = 0
        self._paused = False
        self._send_due = NEVER
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def fail(self, error: Exception) -> None:
        """End the call by an error."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer."""
        if self._parser is None or not self.busy or self._unsent:
            # Nobody asked for it. What comes behind an answer could be taken for the next one's.
            self._drop()
            return
        if self._fed == 0:
            self._is_1_1 = data[:9] == b"HTTP/1.1 "
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(self._fault(error))
            return
        if self._fed > HEAD_LIMIT_BYTES:
            self._weigh()

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request, and forget the trailers of the one before."""
        if self.complete:
            raise MalformedResponse(f"{self._address} answered more than it was asked")
        if self._names:
            self._names, self._values = [], []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. A trailer is nobody's: it is forgotten when the next head begins."""
        # Of what this strips, llhttp lets no more through than blanks and tabs.
        self._names.append(name)
        self._values.append(value.rstrip())

    def on_headers_complete(self) -> None:
        """Take the head, unless it is an interim one, which is passed over."""
        parser = self._parser
        status = parser.get_status_code()  # type: ignore[union-attr]
        names, values = self._names, self._values
        self._names, self._values = [], []
        if self._fed > SMALL_HEAD_BYTES:
            judge_sizes([*zip(names, values, strict=True)])
        if 100 <= status < 200 and status != 101:
            self._is_1_1 = False
            return
        seen = self._seen if names == self._seen.sent else self._see(names)
        # Without an end of its own llhttp lets no answer keep its connection.
        self._persistent = parser.should_keep_alive()  # type: ignore[union-attr]
        if not self._persistent:
            self._until_close = not (self._is_head or status in _BODILESS or is_framed(seen.with_values(values)))
        others, kept = seen.others, seen.kept
        # What most heads are is seen here; to call somebody for it takes longer than to see it.
        if (
            others is not None
            and self._is_1_1
            and 200 <= status <= 599
            and (kept is None or values[kept] == _KEEP_ALIVE)
        ):
            if kept is not None:
                del values[kept]
            self.fields = [*zip(others, values)]  # noqa: B905 (as many)
        else:
            self.fields = self._judged(status, seen.with_values(values))
        self.status = status
        self._in_head = False
        self.deadline = self._send_due
        if self._is_head:
            # llhttp would wait for a body that HEAD does not bring.
            self._parser = None
            self.complete = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def on_body(self, block: bytes) -> None:
        """Take a part of the body."""
        self._fed = 0
        if self.complete:
            raise MalformedResponse(f"{self._address} sent a body where none can be")
        self._blocks.append(block)
        self._size += len(block)
        if self._size > _AHEAD_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        if self._waiter is not None:
            self._wake()

    def on_message_complete(self) -> None:
        """Note that the answer is here whole."""
        if not self._in_head:
            self.complete = True
            if self._waiter is not None:
                self._wake()

    # The rest is its own.

    def _see(self, names: list[bytes]) -> SeenNames:
        seen = SeenNames(names)
        if seen.are_few():
            self._seen = seen
        return seen

    def _judged(self, status: int, fields: RawHeaders) -> RawHeaders:
        version = "1.1" if self._is_1_1 else self._parser.get_http_version()  # type: ignore[union-attr]
        return judge_head(status, version, fields)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if self._in_head and self._error is not None:
                waiter.set_exception(self._error)
            else:
                waiter.set_result(None)

    def _drop(self) -> None:
        """Close the connection at once: what waits does not leave any more, and no other call gets it."""
        self._unsent, self._persistent = b"", False
        self.transport.abort()

    def _weigh(self) -> None:
        """Hold to its limit what brings nothing of the body: a head, trailers, a chunk's extensions."""
        if not self.complete:
            self.fail(
                MalformedResponse(f"{self._address} answered with a head or trailers over {HEAD_LIMIT_BYTES} bytes")
            )

    def _fault(self, error: Exception) -> Exception:
        """Return our error for llhttp's. It does not repeat what the upstream sent, which may hold secrets."""
        cause = error.__context__
        if isinstance(cause, MalformedResponse):
            return MalformedResponse(f"{self._address} answered with {cause}")
        part = "a head" if self._in_head else "a body"
        return MalformedResponse(f"{self._address} answered with {part} that is not HTTP")
