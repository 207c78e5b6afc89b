"""The HTTP client behind `forward` and every function plugin, on aiohttp's connection pools."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from ..errors import BadRequest, RequestError, UpstreamUnreachable
from ..http.body import Body
from ..http.headers import Headers
from ..http.message import Response
from .answers import answer_of, closed_before_any_byte, failure, whole
from .call import Answer, Call, CallTimeouts, ConnectionOptions
from .websocket import UpstreamWebSocket, open_websocket

# RFC 9110 section 9.2.1. Only these are sent again, and only when a kept connection had closed before any answer.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"/[!\"$-~]*")
_READ_AHEAD_BYTES = 32_768
_FIELD_LIMIT_BYTES = 32_768
_OWN_HEADERS = ("accept", "accept-encoding", "user-agent", "content-type")


class UpstreamClient:
    """Makes calls. No redirects, cookies, decompression or headers of its own, and no retry but one: a safe request
    on a kept connection that turns out closed is sent once more.
    """

    def __init__(self) -> None:
        self._sessions: dict[tuple[bool, float], aiohttp.ClientSession] = {}

    async def send(self, call: Call) -> Answer:
        """Make the call and return its answer, the body still streaming unless it came with the head.

        Raises UpstreamTimeout, UpstreamUnreachable, UpstreamTLSFailed or MalformedResponse before the head; reading the
        body raises ResponseCut or UpstreamTimeout. What reading the request's body raises passes through.
        """
        _judge(call)
        attempt = _Attempt(call)
        try:
            return await self._attempt(attempt)
        except _KeptConnectionClosed as error:
            if call.method not in _SAFE_METHODS or not call.body.held:
                raise UpstreamUnreachable(f"{call.address} closed a kept connection: {error.__cause__}") from error
        try:
            return await self._attempt(_Attempt(call))
        except _KeptConnectionClosed as error:
            raise UpstreamUnreachable(f"{call.address} closed a kept connection twice: {error.__cause__}") from error

    async def open_websocket(self, call: Call) -> tuple[Response, UpstreamWebSocket | None]:
        """Make the WebSocket handshake that a call asks for.

        Returns the upstream's answer, a WebSocketAnswer where it agrees, and then the WebSocket too, which whoever asked
        abandons or closes. Raises what `send` raises.
        """
        _judge(call)
        return await open_websocket(self._session(call.connection), call)

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
        times = CallTimeouts(
            connect=timeout_seconds,
            send=timeout_seconds,
            head=timeout_seconds,
            gap=timeout_seconds,
            head_from_start=True,
        )
        call = Call(
            method=method,
            scheme=parts.scheme,
            address=parts.netloc,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=[*own, *(headers.raw if headers else ())],
            body=Body(body),
            timeouts=times,
        )
        answer = await self.send(call)
        try:
            return Response(answer.status, answer.headers, await whole(answer, limit_bytes))
        finally:
            answer.close()

    async def close(self) -> None:
        """Close every connection."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def _attempt(self, attempt: _Attempt) -> Answer:
        call = attempt.call
        try:
            async with asyncio.timeout(attempt.first_seconds) as attempt.deadline:
                response = await self._session(call.connection).request(
                    call.method,
                    URL(f"{call.scheme}://{call.address}{call.target}", encoded=True),
                    headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in call.headers],
                    data=attempt.payload(),
                    ssl=call.connection.verify,
                    server_hostname=call.connection.tls_name,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, connect=call.timeouts.connect),
                    trace_request_ctx=attempt,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if attempt.upload_failure is not None:
                raise attempt.upload_failure from error
            if attempt.kept_connection and closed_before_any_byte(error):
                raise _KeptConnectionClosed from error
            raise failure(error, call.address) from error
        finally:
            attempt.deadline = None
        return answer_of(response, call)

    def _session(self, connection: ConnectionOptions) -> aiohttp.ClientSession:
        key = (connection.keepalive, connection.keepalive_seconds)
        if key not in self._sessions:
            self._sessions[key] = _open_session(connection)
        return self._sessions[key]


class _KeptConnectionClosed(Exception):
    """A connection out of the pool closed before any byte of an answer."""


class _Attempt:
    """One try of a call: its deadline, what its connection was, and why its upload failed."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.deadline: asyncio.Timeout | None = None
        self.kept_connection = False
        self.upload_failure: RequestError | None = None

    @property
    def first_seconds(self) -> float | None:
        timeouts = self.call.timeouts
        return timeouts.head if timeouts.head_from_start else None

    def headers_sent(self) -> None:
        if self.call.body.held:
            self._reschedule(self.call.timeouts.head)

    def payload(self) -> AsyncIterator[bytes] | None:
        return None if self.call.body.length == 0 else self._upload(self.call.body)

    async def _upload(self, body: Body) -> AsyncIterator[bytes]:
        try:
            async for block in body:
                self._reschedule(self.call.timeouts.send)
                yield block
                self._reschedule(None)
        except RequestError as error:
            self.upload_failure = error
            raise
        self._reschedule(self.call.timeouts.head)

    def _reschedule(self, seconds: float | None) -> None:
        if self.deadline is not None and not self.call.timeouts.head_from_start:
            now = asyncio.get_running_loop().time()
            self.deadline.reschedule(None if seconds is None else now + seconds)


def _judge(call: Call) -> None:
    """Refuse what would be another request on the wire than is meant, whoever put it into the call."""
    if _TARGET.fullmatch(call.target) is None or _METHOD.fullmatch(call.method) is None:
        raise BadRequest(f"{call.method!r} {call.target.partition('?')[0]!r} can't be sent as a request line")


def _open_session(connection: ConnectionOptions) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,
        force_close=not connection.keepalive,
        # aiohttp refuses a time to keep connections that it does not keep.
        keepalive_timeout=connection.keepalive_seconds if connection.keepalive else None,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # API Gateway and CDNs send fields longer than aiohttp's 8,190 bytes.
        # aiohttp reads twice as much ahead of whoever reads the answer, a client that is slow or stands still.
        read_bufsize=_READ_AHEAD_BYTES,
        max_line_size=_FIELD_LIMIT_BYTES,
        max_field_size=_FIELD_LIMIT_BYTES,
        skip_auto_headers=_OWN_HEADERS,
        trace_configs=[_attempt_traces()],
    )
    # aiohttp sends idempotent requests a second time, also on a fresh connection, where the first may have been acted
    # upon; a contract test holds this line to what it is for.
    session._retry_connection = False  # noqa: SLF001
    return session


def _attempt_traces() -> aiohttp.TraceConfig:
    traces: aiohttp.TraceConfig = aiohttp.TraceConfig()

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:  # a WebSocket's handshake has none
            context.trace_request_ctx.kept_connection = True

    async def headers_sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx.headers_sent()

    traces.on_connection_reuseconn.append(reused)
    traces.on_request_headers_sent.append(headers_sent)
    return traces
