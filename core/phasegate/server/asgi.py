"""An application for ASGI servers: what Hypercorn calls, and any other ASGI server could."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from ..application import Application
from ..errors import BadRequest, ClientClosed, RequestError, ResponseCut
from ..http.address import parse_authority
from ..http.body import Body
from ..http.cookies import joined_crumbs
from ..http.dates import http_date
from ..http.headers import Headers, RawHeaders
from ..http.hygiene import without_identity
from ..http.message import Request, Response
from ..http.path import parse_target
from ..http.problem import error_response
from ..http.query import Query

_logger = logging.getLogger(__name__)


class AsgiApp:
    """An application behind ASGI's `http` scopes (ASGI specification 3.0, HTTP connection scope)."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one scope. A WebSocket is refused."""
        if scope["type"] == "lifespan":
            await _answer_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": None})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        inbound = _Inbound(receive)
        outbound = _Outbound(send, scope["method"])
        try:
            request = await _request(scope, inbound)
        except BadRequest as error:
            _logger.info("request refused", extra={"cause": str(error), "client": (scope["client"] or ("",))[0]})
            response = error_response(error, "")
            await outbound.send(response, lambda: None)
            return
        passage = self._application.begin(request)
        watch = asyncio.create_task(inbound.watch(asyncio.current_task()))
        error_found: RequestError | None = None
        try:
            # A server reports a finished exchange as a disconnect too, so the watch ends before the last message.
            await outbound.send(await passage.answer(), watch.cancel)
        except asyncio.CancelledError:
            error_found = ClientClosed("the client went away before its answer was complete")
            if not inbound.closed:
                raise
        except RequestError as error:
            error_found = error
        finally:
            watch.cancel()
            await passage.finish(error_found, outbound.bytes_sent)


class _Outbound:
    """The sending side of one ASGI exchange.

    An error in the middle of a body leaves the answer unfinished, upon which the server cuts the connection.
    """

    def __init__(self, send: ASGISendCallable, method: str) -> None:
        self._send = send
        self._method = method
        self.bytes_sent = 0

    async def send(self, response: Response, before_last: Callable[[], object]) -> None:
        """Send the response, calling `before_last` before the message that completes it."""
        body = response.body
        bodiless = self._method == "HEAD" or response.status in (204, 304)
        await self._send(
            {"type": "http.response.start", "status": response.status, "headers": _head(response), "trailers": False}
        )
        last = b""
        if isinstance(body, bytes):
            last = b"" if bodiless else body
        elif not bodiless:
            async for block in _guarded(body):
                await self._send_block(block)
        before_last()
        await self._send({"type": "http.response.body", "body": last, "more_body": False})
        self.bytes_sent += len(last)

    async def _send_block(self, block: bytes) -> None:
        if block:
            await self._send({"type": "http.response.body", "body": block, "more_body": True})
            self.bytes_sent += len(block)


async def _guarded(body: Any) -> AsyncIterator[bytes]:
    """Yield the body's blocks, with whatever a plugin's stream raises made an error that cuts the answer off."""
    try:
        async for block in body:
            yield block
    except RequestError:
        raise
    except Exception as error:
        raise ResponseCut(f"the answer's stream failed: {error!r}") from error


def _head(response: Response) -> RawHeaders:
    """Return the header fields that go out: `date` where none came (RFC 9110 section 6.6.1), and a true length."""
    headers = response.headers
    raw = list(headers.raw)
    if "date" not in headers:
        raw.append((b"date", http_date()))
    if response.status == 204:
        return [field for field in raw if field[0] != b"content-length"]
    if isinstance(response.body, bytes) and "content-length" not in headers and response.status != 304:
        raw.append((b"content-length", str(len(response.body)).encode()))
    return raw


class _Inbound:
    """The receiving side of one ASGI exchange: the body first, then word that the client went away."""

    def __init__(self, receive: ASGIReceiveCallable) -> None:
        self._receive = receive
        self._complete = asyncio.Event()
        self._first: bytes | None = None
        self.closed = False

    def has_no_body(self) -> None:
        """Note that no body will come."""
        self._complete.set()

    async def begins_with_body(self) -> bool:
        """Wait for the first block and tell whether there is one: HTTP/2 says so in no header."""
        while self._first is None and not self._complete.is_set():
            self._first = await self._next()
        return bool(self._first) or not self._complete.is_set()

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield the body's blocks. Raise ClientClosed when the client leaves in the middle."""
        if self._first:
            yield self._first
        while not self._complete.is_set():
            block = await self._next()
            if block:
                yield block

    async def watch(self, task: asyncio.Task[Any] | None) -> None:
        """Cancel the task when the client goes away after its body is here."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.closed = True
        if task is not None:
            task.cancel()

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.closed = True
            raise ClientClosed("the client went away in the middle of its request")
        if message["type"] != "http.request":
            return b""
        if not message["more_body"]:
            self._complete.set()
        return message["body"]


async def _request(scope: HTTPScope, inbound: _Inbound) -> Request:
    raw = without_identity(joined_crumbs(list(scope["headers"])))
    if not all(value.isascii() for _, value in raw):
        raise BadRequest("a header value has bytes outside ASCII")
    headers = Headers.from_raw(raw)
    query = scope["query_string"]
    raw_target = scope["raw_path"] + (b"?" + query if query else b"")
    target = parse_target(raw_target)
    if target.authority is not None:
        headers["host"] = target.authority  # RFC 9112 section 3.2.2
    authority = headers.get("host", "") or ""
    host, port = parse_authority(authority) if authority else ("", None)
    return Request(
        scope["method"],
        target.path,
        query=Query(target.query),
        headers=headers,
        body=await _body(headers, scope["http_version"], inbound),
        scheme=scope["scheme"],
        host=host,
        port=port,
        http_version=scope["http_version"],
        peer=scope["client"][0] if scope["client"] else "",
        raw_target=raw_target.decode("ascii"),
    )


async def _body(headers: Headers, http_version: str, inbound: _Inbound) -> Body:
    length = headers.get("content-length")
    if length is not None and int(length) > 0:
        return Body.streaming(inbound.blocks(), int(length))
    if length is None and (
        "transfer-encoding" in headers if http_version[0] == "1" else await inbound.begins_with_body()
    ):
        return Body.streaming(inbound.blocks(), None)
    inbound.has_no_body()
    return Body()


async def _answer_lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Say yes to startup and shutdown: the worker does both around the server."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
