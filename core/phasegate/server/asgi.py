"""An application for ASGI servers: what Hypercorn calls, and any other ASGI server could."""

from __future__ import annotations

import asyncio
from typing import Any

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope, WebsocketScope

from ..application import Application
from ..errors import BadRequest, ClientClosed, RequestError
from ..http.body import Body
from ..http.cookies import joined_crumbs
from ..http.headers import RawHeaders
from ..http.hygiene import ExplanationAsked, refusal
from ..http.message import Request, Response
from ..http.websocket import WebSocketAnswer
from .answering import answer
from .inbound_body import InboundBody
from .incoming import head_of, request_of, stand_in
from .outgoing import final_headers, guarded, has_no_body
from .websocket import ClientWebSocket, relay

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_HIGH_WATER_BYTES = 65_536


class AsgiApp:
    """An application behind ASGI's `http` scopes (ASGI specification 3.0, HTTP connection scope)."""

    def __init__(self, application: Application, stopping: asyncio.Event | None = None) -> None:
        self._application = application
        self._stopping = stopping or asyncio.Event()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one scope."""
        if scope["type"] == "lifespan":
            await _answer_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._answer_websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        inbound = _Inbound(receive)
        pump = asyncio.create_task(inbound.pump(asyncio.current_task()))
        request, refused = _request(scope, inbound)
        outbound = _AsgiOutbound(send, scope, inbound, closes=refusal(refused) is not None)
        outbound.pump = pump
        try:
            await answer(self._application, request, refused, outbound)
        finally:
            pump.cancel()

    async def _answer_websocket(
        self, scope: WebsocketScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        await receive()
        fields = joined_crumbs(list(scope["headers"]))
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        request, refused = _taken("GET", target, fields, scope, Body())
        outbound = _WebSocketOutbound(receive, send, stopping=self._stopping)
        await answer(self._application, request, refused, outbound)


def _request(scope: HTTPScope, inbound: _Inbound) -> tuple[Request, RequestError | None]:
    """Take the request in, and tell why where it is none."""
    fields = joined_crumbs(list(scope["headers"]))
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    try:
        body = _body(fields, scope["http_version"], inbound.body)
    except BadRequest as error:
        return _taken(scope["method"], target, [], scope, Body())[0], error
    return _taken(scope["method"], target, fields, scope, body)


def _taken(
    method: str, target: bytes, fields: RawHeaders, scope: HTTPScope | WebsocketScope, body: Body
) -> tuple[Request, RequestError | None]:
    version, peer = scope["http_version"], scope["client"][0] if scope["client"] else ""
    try:
        head = head_of(method, target, fields)
    except BadRequest as error:
        return stand_in(method, target, scheme=scope["scheme"], http_version=version, peer=peer), error
    except ExplanationAsked as asked:
        request, refused = _taken(method, target, asked.fields, scope, body)
        return request, refused or asked
    port = scope["server"][1] if scope["server"] else None
    request = request_of(
        head,
        body=body,
        scheme=_SCHEMES[scope["scheme"]],
        http_version=version,
        peer=peer,
        server_port=port,
        is_websocket=scope["type"] == "websocket",
    )
    return request, None


class _Inbound:
    """The receiving side of one ASGI exchange: takes in the body, and notices that the client leaves."""

    def __init__(self, receive: ASGIReceiveCallable) -> None:
        self.body = InboundBody(self._consumed)
        self.closed = False
        self.answering = False
        """Whether the answer's head is out: what nobody has begun to read by then is thrown away."""
        self._receive = receive
        self._room = asyncio.Event()

    async def pump(self, task: asyncio.Task[Any] | None) -> None:
        """Take everything the client sends, no faster than it is read, and cancel the task when it goes away."""
        while (message := await self._receive())["type"] != "http.disconnect":
            if message["type"] == "http.request":
                await self._take(message["body"], more=message["more_body"])
        self.closed = True
        self.body.fail(ClientClosed("the client went away in the middle of its request"))
        if task is not None:
            task.cancel()

    async def _take(self, block: bytes, *, more: bool) -> None:
        if block and not (self.answering and not self.body.begun):
            self.body.feed(block)
        if not more:
            self.body.end()
        while self.body.size >= _HIGH_WATER_BYTES and not (self.answering and not self.body.begun):
            self._room.clear()
            await self._room.wait()

    def _consumed(self, size: int) -> None:
        self._room.set()

    def head_left(self) -> None:
        """Note that the answer's head is out."""
        self.answering = True
        self._room.set()


class _AsgiOutbound:
    """The sending side of one ASGI exchange.

    An answer that ends without its last message is unfinished to the server, which then cuts the connection.
    """

    pump: asyncio.Task[None]

    def __init__(self, send: ASGISendCallable, scope: HTTPScope, inbound: _Inbound, *, closes: bool) -> None:
        self.begun = self.started = False
        self.bytes_sent = 0
        self._send = send
        self._method = scope["method"]
        self._inbound = inbound
        self._closes = closes and scope["http_version"].startswith("1")

    @property
    def closed(self) -> bool:
        """Whether the client is gone."""
        return self._inbound.closed

    async def send(self, response: Response) -> None:
        """Send the whole answer. Raise RequestError when its body breaks off."""
        body = response.body
        fields = final_headers(response, self._method)
        if self._closes:
            fields.append((b"connection", b"close"))
        self.begun = True
        await self._send(
            {"type": "http.response.start", "status": response.status, "headers": fields, "trailers": False}
        )
        self._inbound.head_left()
        last = b""
        bodiless = has_no_body(self._method, response.status)
        if isinstance(body, bytes):
            last = b"" if bodiless else body
        elif not bodiless:
            async for block in guarded(body):
                await self._send({"type": "http.response.body", "body": block, "more_body": True})
                self.bytes_sent += len(block)
        # A server reports a finished exchange as a disconnect too, so the watch ends before the last message.
        self.pump.cancel()
        await self._send({"type": "http.response.body", "body": last, "more_body": False})
        self.bytes_sent += len(last)

    def cut(self) -> None:
        """Do nothing: returning without the last message is what cuts."""

    def over(self) -> None:
        """Do nothing: returning is what ends it."""


class _WebSocketOutbound:
    """The sending side of a WebSocket's handshake, and what follows where it is taken."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable, *, stopping: asyncio.Event) -> None:
        self.begun = self.started = False
        self.bytes_sent = 0
        self.closed = False
        self._receive = receive
        self._send = send
        self._stopping = stopping

    async def send(self, response: Response) -> None:
        """Take the handshake and pass messages on, or answer it as any request is answered."""
        self.begun = True
        if isinstance(response, WebSocketAnswer):
            client = ClientWebSocket(self._receive, self._send)
            await client.accept(response)
            try:
                await relay(client, response.peer, self._stopping)
            finally:
                self.bytes_sent = client.bytes_sent
            return
        body = await response.read()
        await self._send(
            {
                "type": "websocket.http.response.start",
                "status": response.status,
                "headers": final_headers(response, "GET"),
            }
        )
        await self._send({"type": "websocket.http.response.body", "body": body, "more_body": False})
        self.bytes_sent = len(body)

    def cut(self) -> None:
        """Do nothing: returning is what cuts."""

    def over(self) -> None:
        """Do nothing: returning is what ends it."""


def _body(fields: RawHeaders, http_version: str, inbound: InboundBody) -> Body:
    """Return the body that a head announces. Raise BadRequest for framing that two readers could take differently."""
    lengths = [value for name, value in fields if name == b"content-length"]
    coded = any(name == b"transfer-encoding" for name, _ in fields)
    if coded and (lengths or http_version == "1.0"):
        raise BadRequest("the request has a Transfer-Encoding beside a Content-Length, or in HTTP/1.0")
    if len(set(lengths)) > 1 or (lengths and not (lengths[0].isdigit() and len(lengths[0]) < 19)):
        raise BadRequest("the Content-Length is no length, or stands there twice")
    if lengths:
        length = int(lengths[0])
        return Body.incoming(inbound, length) if length else Body()
    if coded or http_version[0] != "1":
        return Body.incoming(inbound, None)
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
