"""One connection to an upstream, which carries one call after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from ..errors import MalformedResponse, ResponseCut, UpstreamTimeout, UpstreamUnreachable
from ..http.headers import RawHeaders
from .head import HEAD_LIMIT_BYTES, SMALL_HEAD_BYTES, Framing, judge_head, judge_sizes

if TYPE_CHECKING:
    from .pool import Pool

NEVER = float("inf")
_AHEAD_BYTES = 65_536


class UpstreamConnection(asyncio.Protocol):
    """Sends a request and takes its answer apart with llhttp, which refuses what two readers could take differently.

    The answer's head is here once what `begin` returns is done; its body comes by `block`. What of it nobody has read yet is
    bounded: over 64 KiB the upstream has to wait.
    """

    __slots__ = (
        "_address",
        "_blocks",
        "_calls",
        "_drained",
        "_error",
        "_fed",
        "_fields",
        "_framing",
        "_in_head",
        "_is_head",
        "_parser",
        "_paused",
        "_pool",
        "_size",
        "_stalled",
        "_uploading",
        "_waiter",
        "busy",
        "complete",
        "deadline",
        "fields",
        "status",
        "transport",
    )

    def __init__(self, pool: Pool, address: str) -> None:
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
        self._fields: RawHeaders = []
        self._address = address
        self._pool = pool
        self._parser: httptools.HttpResponseParser | None = None
        self._framing: Framing
        self._calls = 0
        # Bytes that came since the call began, or since the last block of its answer.
        self._fed = 0
        self._in_head = self._is_head = False
        self._blocks: list[bytes] = []
        self._size = 0
        self._paused = self._stalled = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._uploading: asyncio.Task[None] | None = None

    # What a call does.

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport.is_closing()

    @property
    def closed_unanswered(self) -> bool:
        """Whether it served calls before, and the other end closed it before any byte of an answer to this one."""
        return self._calls > 1 and self._fed == 0 and isinstance(self._error, UpstreamUnreachable)

    @property
    def calls(self) -> int:
        """How many calls it has carried."""
        return self._calls

    def begin(self, data: bytes, deadline: float, *, is_head: bool) -> asyncio.Future[None]:
        """Send a request's head, and its body as far as that is here; `is_head` says that the answer has no body.

        The result is there once the answer's head is, which is due then. It is an UpstreamError where none comes.
        """
        self.busy = self._in_head = True
        self.complete = False
        self._calls += 1
        self._fed = 0
        self._is_head = is_head
        self._blocks = []
        self._size = 0
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        pool = self._pool
        self._waiter = answered = pool.loop.create_future()
        self.deadline = deadline
        if pool.sweeper.at_rest:
            pool.sweeper.rouse()
        if self.transport.is_closing():
            self.fail(self._cut())
        else:
            self.transport.write(data)
        return answered

    def upload(self, task: asyncio.Task[None]) -> None:
        """Note who sends the rest of the request's body, so that this ends with the call."""
        self._uploading = task

    def uploaded(self, deadline: float) -> None:
        """Note that the request is sent whole; its answer's head is due then."""
        self._uploading = None
        if self._in_head:
            self._expect(deadline)

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is closing."""
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drained(self, seconds: float, otherwise: float) -> None:
        """Wait until the upstream has taken what it was sent, within so many seconds; then let `otherwise` be the deadline."""
        while self._stalled and self._error is None:
            loop = asyncio.get_running_loop()
            self._expect(loop.time() + seconds)
            self._drained = loop.create_future()
            await self._drained
            self._expect(otherwise if self._in_head else NEVER)

    def body(self) -> bytes:
        """Return the body of an answer that is complete, and give the connection back."""
        blocks = self._blocks
        self._finish()
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def block(self, seconds: float) -> bytes:
        """Return the next part of the answer's body, empty at its end.

        Raise UpstreamTimeout when it takes longer than that, and ResponseCut when the answer breaks off.
        """
        while not self._blocks:
            if self._error is not None:
                raise self._error
            if self.complete:
                self._finish()
                return b""
            self._waiter = self._pool.loop.create_future()
            self._expect(self._pool.loop.time() + seconds)
            await self._waiter
            self.deadline = NEVER
        blocks, self._blocks, self._size = self._blocks, [], 0
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def give_up(self) -> None:
        """Close the connection, unless its call is over."""
        if self.busy:
            self._end_upload()
            self.busy = False
            self.transport.abort()

    def fail(self, error: Exception) -> None:
        """End the call by an error: whoever waits for the answer gets it after what came before."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()
        self.transport.abort()

    def overdue(self) -> None:
        """End what takes too long; the sweeper calls this."""
        self.deadline = NEVER
        if not self.busy:
            self.transport.close()
        elif self._in_head:
            self.fail(UpstreamTimeout(f"{self._address} did not answer in time"))
        else:
            self.fail(UpstreamTimeout(f"{self._address} stopped in the middle of its answer"))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports are of no class of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self._pool.made(self)

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer."""
        if self._parser is None or not self.busy:
            # Nobody asked for it. What comes behind an answer could be taken for the next one's.
            self.transport.abort()
            return
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(self._fault(error))
            return
        if self._fed > HEAD_LIMIT_BYTES:
            self._weigh()

    def eof_received(self) -> None:
        """Take the end of what the upstream sends: some answers end so."""
        if self.busy and not self._in_head and not self.complete and self._framing.until_close:
            self.complete = True
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits know; an answer that needed no end of its own has come to it."""
        self._pool.lost(self)
        if exc is None:
            self.eof_received()
        if self.busy and not self.complete and self._error is None:
            self._error = self._cut()
        self._stalled = False
        self._wake()
        self._go_on_uploading()

    def pause_writing(self) -> None:
        """Note that the upstream is behind with taking the request."""
        self._stalled = True

    def resume_writing(self) -> None:
        """Note that the upstream has caught up."""
        self._stalled = False
        self._go_on_uploading()

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self.complete:
            raise MalformedResponse(f"{self._address} answered more than it was asked")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. A trailer is nobody's, and comes when the head's fields have been taken away."""
        self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Take the head, unless it is an interim one, which is passed over."""
        parser = self._parser
        status = parser.get_status_code()  # type: ignore[union-attr]
        fields, self._fields = self._fields, []
        if self._fed > SMALL_HEAD_BYTES:
            judge_sizes(fields)
        if 100 <= status < 200 and status != 101:
            return
        self._framing, self.fields = judge_head(status, parser, fields, is_head=self._is_head)  # type: ignore[arg-type]
        self.status = status
        self._in_head = False
        self.deadline = NEVER
        if self._is_head:
            # llhttp would wait for a body that HEAD does not bring.
            self._parser = None
            self.complete = True
        self._wake()

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

    def _expect(self, deadline: float) -> None:
        self.deadline = deadline
        self._pool.sweeper.rouse()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if self._in_head and self._error is not None:
                waiter.set_exception(self._error)
            else:
                waiter.set_result(None)

    def _go_on_uploading(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _finish(self) -> None:
        """Give the connection back once its answer has been read whole, or close it where it can't serve another call."""
        if not self.busy:
            return
        self.busy = False
        reusable = self._framing.persistent and self._uploading is None and self._error is None and not self._paused
        if self._uploading is not None:
            self._end_upload()
        if reusable and not self.transport.is_closing():
            self._pool.give_back(self)
        else:
            self.transport.close()

    def _end_upload(self) -> None:
        uploading, self._uploading = self._uploading, None
        if uploading is not None:
            uploading.cancel()

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

    def _cut(self) -> Exception:
        if self._in_head:
            return UpstreamUnreachable(f"{self._address} closed the connection before it answered")
        return ResponseCut(f"{self._address} broke its answer off")
