"""One connection to an upstream, which carries one call after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from ..errors import ResponseCut, UpstreamTimeout, UpstreamUnreachable
from .answer_intake import NEVER, AnswerIntake

if TYPE_CHECKING:
    from .pool import Pool

# How long a connection that closes may take to get rid of what it was sent, and of TLS.
_CLOSING_SECONDS = 2.0


class UpstreamConnection(AnswerIntake):
    """Sends a request. The answer's head is here once what `begin` returns is done; its body comes by `block`."""

    __slots__ = ("_block_due", "_drained", "_pool", "_stalled", "_uploading", "calls")

    def __init__(self, pool: Pool, address: str) -> None:
        super().__init__(address)
        self._pool = pool
        self.calls = 0
        """How many it has carried."""
        self._block_due = NEVER
        self._stalled = False
        self._drained: asyncio.Future[None] | None = None
        self._uploading: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._address}>"

    # What a call does.

    @property
    def closed_unanswered(self) -> bool:
        """Whether it served calls before, and the other end closed it before any byte of an answer to this one."""
        return self.calls > 1 and self._fed == 0 and isinstance(self._error, UpstreamUnreachable)

    def begin(self, data: bytes, deadline: float, method: str) -> asyncio.Future[None]:
        """Send a request's head, and its body as far as that is here; to the method HEAD the answer has no body.

        It leaves at the end of this turn of the loop, with those of others.
        The result is there once the answer's head is, which is due then. It is an UpstreamError where none comes.
        """
        self.busy = self._in_head = True
        self.complete = False
        self._is_head = method == "HEAD"
        self._fed = 0
        self.calls += 1
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        pool = self._pool
        self._waiter = answered = pool.loop.create_future()
        self.deadline = deadline
        if pool.sweeper.at_rest:
            pool.sweeper.rouse()
        self._unsent = data
        pool.outbox.add(self)
        return answered

    def flush(self) -> None:
        """Send the request that waits. It waits no more where the connection ended meanwhile."""
        data, self._unsent = self._unsent, b""
        if not data:
            return
        if self.calls == 1 and self.transport.is_closing():
            # A new one can have ended before its call began; of those that are kept the pool looks at each.
            self.fail(self._cut())
        else:
            self.transport.write(data)

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
        self.flush()
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drained(self, seconds: float, otherwise: float) -> None:
        """Wait until the upstream has taken what it was sent, within so many seconds.

        The answer is due meanwhile too: its head at `otherwise`, and its blocks when their reader says so.
        """
        while self._stalled and self._error is None:
            loop = asyncio.get_running_loop()
            self._send_due = loop.time() + seconds
            self._expect(min(self._send_due, otherwise if self._in_head else self._block_due))
            self._drained = loop.create_future()
            await self._drained
            self._send_due = NEVER
            self._expect(otherwise if self._in_head else self._block_due)

    def body(self) -> bytes:
        """Return what is left of the body of an answer that is complete.

        The connection goes back to the others, or is closed where it can't serve another call.
        """
        blocks, self._blocks, self._size = self._blocks, [], 0
        if self._paused:
            self._read_on()
        if self.busy:
            self.busy = False
            if self._persistent and not (self._uploading or self._error):
                self._pool.give_back(self)
            else:
                self._end_upload()
                self.close()
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def block(self, seconds: float) -> bytes:
        """Return the next part of the answer's body, empty at its end.

        Raise UpstreamTimeout when it takes longer than that, and ResponseCut when the answer breaks off.
        """
        while not self._blocks:
            if self._error is not None:
                raise self._error
            if self._paused:
                # Only now: what was handed out may still wait for a client that takes nothing.
                self._read_on()
            if self.complete:
                return self.body()
            self._waiter = self._pool.loop.create_future()
            self._block_due = self._pool.loop.time() + seconds
            self._expect(min(self._block_due, self._send_due))
            try:
                await self._waiter
            finally:
                self._block_due, self.deadline = NEVER, self._send_due
        blocks, self._blocks, self._size = self._blocks, [], 0
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def close(self) -> None:
        """Close the connection once what it was sent has left, or is not taken in time."""
        self.deadline = self._pool.loop.time() + _CLOSING_SECONDS
        self.flush()
        self.transport.close()

    def give_up(self) -> None:
        """Close the connection, unless its call is over."""
        if self.busy:
            self._end_upload()
            self.fail(self._cut())
            self.busy = False

    def abort(self) -> None:
        """Close the connection at once; a call that is under way fails."""
        self.fail(self._cut())

    def fail(self, error: Exception) -> None:
        """End the call by an error: whoever waits for the answer gets it after what came before."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()
        self._drop()

    def overdue(self) -> None:
        """End what takes too long; the sweeper calls this."""
        self.deadline = NEVER
        if not self.busy:
            if self.transport.is_closing():
                self.transport.abort()
            else:
                self.close()
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

    def eof_received(self) -> None:
        """Take the end of what the upstream sends: some answers end so, and with it the connection closes."""
        self._persistent = False
        if self._unsent:
            self.fail(self._cut())
        elif self.busy and not self._in_head and not self.complete and self._until_close:
            self.complete = True
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits know; an answer that needed no end of its own has come to it."""
        self._pool.lost(self)
        self._unsent, self._persistent = b"", False
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

    # The rest is its own.

    def _expect(self, deadline: float) -> None:
        self.deadline = deadline
        self._pool.sweeper.rouse()

    def _go_on_uploading(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _read_on(self) -> None:
        self._paused = False
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _end_upload(self) -> None:
        uploading, self._uploading = self._uploading, None
        if uploading is not None:
            uploading.cancel()

    def _cut(self) -> Exception:
        if self._in_head:
            return UpstreamUnreachable(f"{self._address} closed the connection before it answered")
        return ResponseCut(f"{self._address} broke its answer off")
