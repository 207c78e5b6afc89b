"""The HTTP client behind `forward` and every function plugin, on aiohttp's connection pools."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from types import SimpleNamespace

import aiohttp
from yarl import URL

from ..errors import (
    MalformedResponse,
    RequestError,
    ResponseCut,
    UpstreamTimeout,
    UpstreamTLSFailed,
    UpstreamUnreachable,
)
from ..http.body import Body
from ..http.headers import Headers
from .call import Answer, Call, Connection, Limits

# RFC 9110 section 9.2.1. Only these are sent again, and only when a kept connection had closed before any answer.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
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
                    timeout=aiohttp.ClientTimeout(total=None, connect=call.limits.connect),
                    trace_request_ctx=attempt,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if attempt.upload_failure is not None:
                raise attempt.upload_failure from error
            raise _mapped(error, attempt) from error
        finally:
            attempt.deadline = None
        return _answer(response, call.limits)

    def _session(self, connection: Connection) -> aiohttp.ClientSession:
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
        limits = self.call.limits
        return limits.head if limits.head_from_start else None

    def headers_sent(self) -> None:
        if self.call.body.held:
            self._reschedule(self.call.limits.head)

    def payload(self) -> AsyncIterator[bytes] | None:
        return None if self.call.body.length == 0 else self._upload(self.call.body)

    async def _upload(self, body: Body) -> AsyncIterator[bytes]:
        try:
            async for block in body:
                self._reschedule(self.call.limits.send)
                yield block
                self._reschedule(None)
        except RequestError as error:
            self.upload_failure = error
            raise
        self._reschedule(self.call.limits.head)

    def _reschedule(self, seconds: float | None) -> None:
        if self.deadline is not None and not self.call.limits.head_from_start:
            now = asyncio.get_running_loop().time()
            self.deadline.reschedule(None if seconds is None else now + seconds)


def _open_session(connection: Connection) -> aiohttp.ClientSession:
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
        context.trace_request_ctx.kept_connection = True

    async def headers_sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.headers_sent()

    traces.on_connection_reuseconn.append(reused)
    traces.on_request_headers_sent.append(headers_sent)
    return traces


def _mapped(error: Exception, attempt: _Attempt) -> Exception:
    """Return our error for one of aiohttp's, raised before a complete head arrived."""
    address = attempt.call.address
    if isinstance(error, TimeoutError):
        part = "connect" if isinstance(error, aiohttp.ConnectionTimeoutError) else "answer"
        return UpstreamTimeout(f"{address} did not {part} in time")
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
        return UpstreamTLSFailed(f"TLS with {address} failed: {error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamUnreachable(f"can't connect to {address}: {error.strerror or error}")
    if isinstance(error, aiohttp.ClientResponseError):
        # Its beginning alone: the rest repeats what the upstream sent.
        return MalformedResponse(f"{address} answered with what is not HTTP: {error.message.splitlines()[0]}")
    if isinstance(error, (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)) and attempt.kept_connection:
        return _KeptConnectionClosed()
    return UpstreamUnreachable(f"{address} closed the connection before it answered")


def _answer(response: aiohttp.ClientResponse, limits: Limits) -> Answer:
    headers = Headers.from_raw([(name.lower(), value) for name, value in response.raw_headers])
    content = response.content
    body = content.read_nowait() if content.is_eof() and content.exception() is None else _download(response, limits)
    return Answer(response.status, headers, body, response.close)


async def _download(response: aiohttp.ClientResponse, limits: Limits) -> AsyncIterator[bytes]:
    address = f"{response.url.host}:{response.url.port}"
    loop = asyncio.get_running_loop()
    end = None if limits.whole is None else loop.time() + limits.whole
    try:
        while True:
            gap = loop.time() + limits.gap
            async with asyncio.timeout_at(gap if end is None else min(gap, end)):
                block = await response.content.readany()
            if not block:
                return
            yield block
    except TimeoutError as error:
        raise UpstreamTimeout(f"{address} stopped in the middle of its answer") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ResponseCut(f"{address} broke its answer off ({type(error).__name__})") from error
