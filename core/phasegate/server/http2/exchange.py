"""One request on an HTTP/2 connection, and its answer on the way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Coroutine
from typing import TYPE_CHECKING, Any

from h2.errors import ErrorCodes

from ...errors import ClientClosed, RequestError, ResponseCut
from ...http.message import Request, Response
from ..answering import answer
from ..inbound_body import InboundBody
from ..outgoing import declared_length, final_headers, guarded, has_no_body
from .codec import Fields

if TYPE_CHECKING:
    from .connection import Http2Connection


class Http2Exchange:
    """The sending side of one stream. `body` is where its own body comes in, None where it has none."""

    __slots__ = (
        "_blocked",
        "_blocked_since",
        "_connection",
        "_ended",
        "_gone",
        "_window",
        "begun",
        "body",
        "bytes_sent",
        "expects_continue",
        "length",
        "method",
        "refused",
        "request",
        "started",
        "stream",
        "task",
    )

    def __init__(
        self,
        connection: Http2Connection,
        stream: int,
        request: Request,
        *,
        body: InboundBody | None,
        length: int | None = None,
        refused: RequestError | None = None,
    ) -> None:
        self.stream = stream
        self.request = request
        self.method = request.method
        """What the client used, by which it reads the answer; plugins may change the request's."""
        self.body = body
        self.length = length
        """The body's length, where it was declared."""
        self.expects_continue = False
        """Whether the client waits for a word before it sends its body."""
        self.refused = refused
        self.begun = False
        self.bytes_sent = 0
        self.task: asyncio.Task[None] | None = None
        self.started = False
        self._connection = connection
        self._gone = self._ended = False
        self._window: asyncio.Future[None] | None = None
        self._blocked_since: float | None = None
        self._blocked = 0.0

    @property
    def closed(self) -> bool:
        """Whether the client is gone, or wants no answer any more."""
        return self._gone or self._connection.closed

    def run(self) -> Coroutine[Any, Any, None]:
        """See the request through."""
        return answer(self._connection.listener.application, self.request, self.refused, self)

    def over(self) -> None:
        """Note that nothing more is done for the request."""
        self._connection.forget(self)

    def send(self, response: Response) -> Awaitable[None] | None:
        """Send the whole answer; return what is left to wait for. Raise RequestError when its body breaks off."""
        body = b"" if has_no_body(self.method, response.status) else response.body
        fields = [(b":status", b"%d" % response.status), *final_headers(response, self.method)]
        self.begun = True
        if isinstance(body, bytes) and self._send_whole(fields, body):
            self._finish()
            return None
        return self._send_as_it_comes(response, fields, body)

    async def _send_as_it_comes(self, response: Response, fields: Fields, body: bytes | AsyncIterable[bytes]) -> None:
        self._connection.session.send_head(self.stream, fields, last=body == b"")
        if not isinstance(body, bytes):
            await self._send_blocks(response)
        elif body:
            await self._send(body, last=True)
        self._finish()

    def _finish(self) -> None:
        self._ended = True
        self._connection.finished(self)

    def cut(self) -> None:
        """Leave the answer visibly unfinished."""
        if not self.closed and not self._ended:
            self._ended = True
            self._connection.session.reset(self.stream, ErrorCodes.INTERNAL_ERROR)

    def leave(self) -> None:
        """Stop what is done for a client that wants no answer any more; once, since what tidies up after it may not be stopped."""
        if self._gone:
            return
        self._gone = True
        if self.body is not None:
            self.body.fail(ClientClosed("the client went away in the middle of its request"))
            self.body.discard()
        if self.task is not None:
            self.task.cancel()
            if not self.started:
                self.over()

    def ask_for_body(self) -> None:
        """Tell a client that waits for it to send its body (RFC 9110 section 10.1.1)."""
        if self.expects_continue and not self.begun and not self.closed:
            self.expects_continue = False
            self._connection.session.send_head(self.stream, [(b":status", b"100")])

    def open_window(self) -> None:
        """Note that the client may have room for more."""
        if self._window is not None and not self._window.done():
            self._window.set_result(None)

    def is_blocked_too_long(self, gap_seconds: float, least_rate: int, now: float) -> bool:
        """Tell whether the client has kept its window shut for longer than it may, or takes too little on average."""
        if self._blocked_since is None:
            return False
        waiting = now - self._blocked_since
        excess = self._blocked + waiting - gap_seconds
        return waiting > gap_seconds or (excess > 0 and self.bytes_sent < least_rate * excess)

    def _send_whole(self, fields: Fields, body: bytes) -> bool:
        """Send the whole answer at once; tell whether there was room for it."""
        connection, size = self._connection, len(body)
        if connection.stalled or not connection.session.send_whole(self.stream, fields, body):
            return False
        self.bytes_sent = size
        if body:
            connection.sent(self, size, whole=True)
        return True

    async def _send_blocks(self, response: Response) -> None:
        left = declared_length(response)
        async for block in guarded(response.stream()):
            if left is not None:
                left -= len(block)
                if left < 0:
                    raise ResponseCut("the answer is longer than its Content-Length")
            await self._send(block, last=False)
        if left:
            raise ResponseCut(f"the answer ends {left} bytes before its Content-Length")
        self._connection.session.send_block(self.stream, b"", last=True)

    async def _send(self, data: bytes, *, last: bool) -> None:
        """Send a block in frames, as the windows allow it, in turn with the connection's other answers."""
        connection, session = self._connection, self._connection.session
        place, end = 0, len(data)
        while place < end:
            if connection.stalled:
                await connection.drained()
            room = session.room(self.stream)
            if room <= 0:
                await self._wait_for_window()
                continue
            after = min(end, place + room)
            ended = last and after == end
            session.send_block(self.stream, data[place:after], last=ended)
            self.bytes_sent += after - place
            connection.sent(self, after - place, whole=after == end)
            place = after
            if not ended and connection.is_shared:
                await asyncio.sleep(0)

    async def _wait_for_window(self) -> None:
        loop = self._connection.loop
        self._window = loop.create_future()
        self._blocked_since = loop.time()
        try:
            await self._window
        finally:
            self._blocked += loop.time() - self._blocked_since
            self._blocked_since = self._window = None
