"""The HTTP client behind `forward` and every function plugin."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from ..errors import UpstreamUnreachable
from ..http.body import Body
from ..http.headers import Headers
from ..http.message import Response
from ..outbox import Outbox
from .answer_intake import NEVER
from .answers import Answer, AnswerBody, whole
from .call import Call, CallTimeouts, Origin, OriginKey
from .connection import UpstreamConnection
from .connector import Connector
from .head import request_head
from .pool import Pool
from .sweeper import Sweeper
from .upload import head_due, upload
from .watching import Watch, seen
from .websocket import UpstreamWebSocket, as_it_is, open_websocket

# RFC 9110 section 9.2.1. Only these are sent again, and only when a kept connection had closed before any answer.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# A body up to this size leaves with its head, in one write.
_ONE_WRITE_BYTES = 65_536
_whole_answer = Answer.of
# Turns of the loop after which a transport that is aborted, TLS or not, has said that it is closed.
_TURNS_TO_CLOSE = 5


class UpstreamClient:
    """Makes calls. No redirects, cookies, decompression or headers of its own, and no retry but one: a safe request
    on a kept connection that turns out closed is sent once more.
    """

    def __init__(self) -> None:
        self._pools: dict[OriginKey, Pool] = {}
        self._connector: Connector | None = None
        self._sweeper: Sweeper | None = None
        self._outbox: Outbox | None = None
        self._session: aiohttp.ClientSession | None = None
        self._watches = 0

    async def send(self, call: Call) -> Answer:
        """Make the call and return its answer, the body still streaming unless it came with the head.

        Raises UpstreamTimeout, UpstreamUnreachable, UpstreamTLSFailed or MalformedResponse before the head; reading the
        body raises ResponseCut or UpstreamTimeout. What reading the request's body raises passes through.
        """
        head, body, timeouts = request_head(call), call.body, call.timeouts
        pool = self._pools.get(call.origin.key) or self._open_pool(call.origin)
        began = pool.loop.time()
        due = began + timeouts.head
        # One of unknown length goes in chunks, as the head says, though it may be here whole by now.
        data = body.data if body.length else None if body.length is None else b""
        connection = pool.take()
        while True:
            if connection is None:
                connection = await pool.connect(timeouts)
                due = head_due(timeouts, began)
            try:
                if data is None or len(data) > _ONE_WRITE_BYTES:
                    await _begun(connection, call, head, began)
                else:
                    await connection.begin(head + data, due, call.method)
                break
            except BaseException as error:
                connection.give_up()
                if not isinstance(error, UpstreamUnreachable) or not connection.closed_unanswered:
                    raise
                if call.method not in _SAFE_METHODS or body.length is None or not body.held:
                    raise UpstreamUnreachable(f"{call.origin.address} closed a kept connection") from error
            connection = None
        if connection.complete:
            return _whole_answer(connection.status, connection.fields, connection.body())
        streaming = AnswerBody(connection, timeouts.gap, timeouts.whole)
        return Answer(connection.status, connection.fields, b"", streaming)

    async def open_websocket(self, call: Call) -> tuple[Response, UpstreamWebSocket | None]:
        """Make the WebSocket handshake that a call asks for.

        Returns the upstream's answer, a WebSocketAnswer where it agrees, and then the WebSocket too, which whoever asked
        abandons or closes. Raises what `send` raises.
        """
        request_head(call)
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "user-agent"),
                middlewares=(as_it_is,),
            )
        return await open_websocket(self._session, call)

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Headers | None = None,
        body: bytes = b"",
        timeout_seconds: float = 5.0,
        limit_bytes: int = 1 << 20,
    ) -> Response:
        """Ask an HTTP service and return its whole answer: what a plugin needs that asks somebody before it decides.

        `url` is absolute and encoded already. Raises what `send` raises, and ResponseCut for an answer over `limit_bytes`.
        """
        parts = urlsplit(url)
        own = [(b"host", parts.netloc.encode("ascii"))]
        if body or method not in _SAFE_METHODS:
            own.append((b"content-length", b"%d" % len(body)))
        call = Call(
            method=method,
            origin=Origin(parts.scheme, parts.netloc),
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=[*own, *(headers.raw if headers else ())],
            body=Body(body),
            timeouts=_all_within(timeout_seconds),
        )
        answer = await self.send(call)
        try:
            return Response(answer.status, answer.headers, await whole(answer, limit_bytes))
        finally:
            answer.close()

    @contextlib.contextmanager
    def watched(self, watch: Watch) -> Iterator[None]:
        """Have a watch see the calls of the current task, and of those that it starts, for the length of a block.

        Only while there is one does `send` look whether anybody watches.
        """
        self._watches += 1
        vars(self)["send"] = partial(seen, partial(UpstreamClient.send, self))
        try:
            with watch.on():
                yield
        finally:
            self._watches -= 1
            if not self._watches:
                del vars(self)["send"]

    async def close(self) -> None:
        """Close every connection."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            pool.close()
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
        if self._sweeper is not None:
            self._sweeper.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_pool(self, origin: Origin) -> Pool:
        for key in [key for key, pool in self._pools.items() if pool.unused]:
            del self._pools[key]
        if self._sweeper is None or self._connector is None or self._outbox is None:
            loop = asyncio.get_running_loop()
            self._sweeper, self._connector, self._outbox = Sweeper(loop), Connector(loop), Outbox(loop)
        pool = self._pools[origin.key] = Pool(origin, self._connector, self._sweeper, self._outbox)
        return pool


def _begun(connection: UpstreamConnection, call: Call, head: bytes, began: float) -> asyncio.Future[None]:
    """Send a request's head, and have its body follow; the result is there once the answer's head is."""
    timeouts = call.timeouts
    due = began + timeouts.head if timeouts.head_from_start else NEVER
    answered = connection.begin(head, due, call.method)
    connection.upload(asyncio.get_running_loop().create_task(upload(connection, call, began)))
    return answered


def _all_within(seconds: float) -> CallTimeouts:
    return CallTimeouts(connect=seconds, send=seconds, head=seconds, gap=seconds, head_from_start=True)
