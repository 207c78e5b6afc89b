"""One request on an HTTP/1.1 connection, and its answer on the way out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ...errors import RequestError, ResponseCut
from ...http.chunks import LAST_CHUNK, chunk_of
from ...http.message import Request, Response
from ...http.websocket import WebSocketAnswer
from ..inbound_body import InboundBody
from ..outgoing import declared_length, guarded, has_no_body
from .head import CONTINUE, head_of, is_chunked, length_line, message_of

if TYPE_CHECKING:
    from .connection import Http1Connection

# A body up to this size leaves with its head, in one write; a longer one as the client takes it.
_ONE_WRITE_BYTES = 65_536
_PIECE_BYTES = 262_144


class Http1Exchange:
    """The sending side of one request. `body` is where its own body comes in, None where it has none."""

    __slots__ = (
        "_connection",
        "begun",
        "body",
        "bytes_sent",
        "expects_continue",
        "method",
        "persistent",
        "refused",
        "request",
        "started",
        "task",
    )

    def __init__(self, connection: Http1Connection, request: Request, body: InboundBody | None) -> None:
        self.request = request
        self.method = request.method
        """What the client used, by which it reads the answer; plugins may change the request's."""
        self.body = body
        self.persistent = True
        """Whether the connection goes on after this exchange."""
        self.expects_continue = False
        """Whether the client waits for a word before it sends its body."""
        self.refused: RequestError | None = None
        self.bytes_sent = 0
        self.task: asyncio.Task[None] | None = None
        self.started = False
        self._connection = connection
        self.begun = False

    @classmethod
    def refusing(
        cls, connection: Http1Connection, request: Request, body: InboundBody | None, error: RequestError
    ) -> Http1Exchange:
        """Return the exchange of a request that is answered by an error, after which the connection ends."""
        exchange = cls(connection, request, body)
        exchange.persistent = False
        exchange.refused = error
        return exchange

    @property
    def closed(self) -> bool:
        """Whether the client is gone."""
        return self._connection.closed

    def over(self) -> None:
        """Note that nothing more is done for the request."""
        self._connection.listener.roster.work_ended(self)

    def leave(self) -> None:
        """Stop what is done for a client that is gone."""
        if self.task is not None:
            self.task.cancel()
            if not self.started:
                self.over()

    def send(self, response: Response) -> Awaitable[None] | None:
        """Send the whole answer; return what is left to wait for. Raise RequestError when its body breaks off."""
        body = response.body
        if not isinstance(body, bytes) or len(body) > _ONE_WRITE_BYTES or isinstance(response, WebSocketAnswer):
            return self._send_as_it_comes(response)
        connection, method, status = self._connection, self.method, response.status
        now = connection.loop.time()
        # What speaks against it is hardly ever so, and nothing more is asked where it is not.
        if self.persistent and (
            now >= connection.old_at or self.body is not None or connection.listener.roster.draining
        ):
            self.persistent = connection.goes_on(self, now, whole=True)
        option = b"" if self.persistent and self.request.http_version != "1.0" else self._option()
        if option or method == "HEAD" or status in (204, 304):
            body = b"" if has_no_body(method, status) else body
            message = head_of(response, method, option, body=body)
        else:
            message = message_of(response, (length_line(len(body)), b"", body))
        self.begun = True
        connection.write_soon(message)
        self.bytes_sent = len(body)
        connection.answered(self, now)
        return None

    async def _send_as_it_comes(self, response: Response) -> None:
        request, body, connection = self.request, response.body, self._connection
        if isinstance(response, WebSocketAnswer):
            self.bytes_sent = await connection.hand_over(response)
            return
        chunked = is_chunked(response, self.method, request.http_version)
        self.persistent = (
            self.persistent
            and connection.goes_on(self, connection.loop.time(), whole=self._is_short(response))
            and self._is_framed(response, chunked=chunked)
        )
        head = head_of(response, self.method, self._option(), chunked=chunked)
        self.begun = True
        if isinstance(body, bytes):
            await self._send_long(head, b"" if has_no_body(self.method, response.status) else body)
        elif has_no_body(self.method, response.status):
            connection.write(head)
        else:
            await self._send_blocks(head, response, chunked=chunked)
        connection.flush()
        if connection.stalled:
            # A client that takes no answer gets none made for the requests behind it either.
            await connection.drained()
        connection.answered(self, connection.loop.time())

    def cut(self) -> None:
        """Leave the answer visibly unfinished: no last chunk, and where only the end tells, a reset."""
        self.persistent = False
        self._connection.cut(self)

    def ask_for_body(self) -> None:
        """Tell a client that waits for it to send its body (RFC 9110 section 10.1.1)."""
        if self.expects_continue and not self.begun:
            self.expects_continue = False
            self._connection.write(CONTINUE)

    def _is_short(self, response: Response) -> bool:
        """Tell whether nothing of the answer is still to be made once its head leaves."""
        return isinstance(response.body, bytes) or has_no_body(self.method, response.status)

    def _is_framed(self, response: Response, *, chunked: bool) -> bool:
        """Tell whether the answer's end can be seen without the connection's."""
        if chunked or self._is_short(response):
            return True
        return declared_length(response) is not None

    def _option(self) -> bytes:
        """Return what has to be said of the connection; HTTP/1.0 alone is told that it goes on."""
        if not self.persistent:
            return b"close"
        return b"keep-alive" if self.request.http_version == "1.0" else b""

    async def _send_long(self, head: bytes, body: bytes) -> None:
        connection = self._connection
        connection.write(head)
        for start in range(0, len(body), _PIECE_BYTES):
            piece = body[start : start + _PIECE_BYTES]
            connection.write(piece)
            self.bytes_sent += len(piece)
            if connection.stalled:
                await connection.drained()

    async def _send_blocks(self, head: bytes, response: Response, *, chunked: bool) -> None:
        connection = self._connection
        left = declared_length(response)
        connection.write_soon(head)
        async for block in guarded(response.stream()):
            if left is not None:
                left -= len(block)
                if left < 0:
                    raise ResponseCut("the answer is longer than its Content-Length")
            connection.write_soon(chunk_of(block) if chunked else block)
            self.bytes_sent += len(block)
            if connection.stalled:
                await connection.drained()
        if left:
            raise ResponseCut(f"the answer ends {left} bytes before its Content-Length")
        connection.write_soon(LAST_CHUNK if chunked else b"")
