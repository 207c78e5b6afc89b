"""The last plugin of every proxy phase: it sends the request to the route's upstream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .errors import BadRequest, ServiceUnavailable
from .exchange import Exchange, UpstreamFacts
from .http.body import Body
from .http.headers import RawHeaders
from .http.hygiene import end_to_end_request, without_hop_by_hop
from .http.message import Request, Response
from .model import Node, Timeouts, Upstream
from .plugin import Plugin, Services, hookimpl
from .upstream.balancer import Balancer
from .upstream.call import Call, CallTimeouts, Origin


@dataclass(kw_only=True)
class Forward(Plugin):
    """Forwards to an upstream's nodes. Built in: routes get it by having an upstream, never by naming it."""

    name: ClassVar[str] = "forward"
    upstream: Upstream
    timeouts: Timeouts | None = None

    async def open(self, services: Services) -> None:
        """Take the client; the balancer begins with the first node."""
        self._client = services.client
        self._clock = services.clock
        self._balancer = Balancer(self.upstream.nodes)
        times = self.timeouts or self.upstream.timeouts
        self._timeouts = CallTimeouts(connect=times.connect, send=times.send, head=times.read, gap=times.read)

    @hookimpl(trylast=True)
    async def proxy(self, exchange: Exchange) -> Response | None:
        """Send the request to the next node and hand its answer on as a stream."""
        node = self._balancer.next()
        if node is None:
            raise ServiceUnavailable(f"upstream {self.upstream.id} has no node with a weight")
        await exchange.request.body.settle()
        call = self._call(exchange.request, node)
        exchange.upstream = facts = UpstreamFacts(call.origin.address)
        began = self._clock.monotonic()
        if exchange.request.is_websocket:
            response = await self._websocket(exchange, call)
            facts.status, facts.seconds = response.status, self._clock.monotonic() - began
            return response
        answer = await self._client.send(call)
        if answer.streams:
            exchange.defer(answer.close)
        facts.status, facts.seconds = answer.status, self._clock.monotonic() - began
        return answer

    async def _websocket(self, exchange: Exchange, call: Call) -> Response:
        if exchange.route is None or not exchange.route.enable_websocket:
            raise BadRequest("the route takes no WebSocket: set enable_websocket on it")
        response, socket = await self._client.open_websocket(call)
        if socket is not None:
            exchange.defer(socket.abandon)
        response.headers.raw = without_hop_by_hop(response.headers.raw)
        return response

    def _call(self, request: Request, node: Node) -> Call:
        address = node_address(node)
        query = request.query.raw
        return Call(
            method=request.method,
            origin=Origin(self.upstream.scheme, address),
            target=f"{request.path}?{query}" if query else request.path,
            headers=[
                (b"host", self._host(request, address).encode("latin-1")),
                *end_to_end_request(request),
                *content_length(request.method, request.body),
            ],
            body=request.body,
            timeouts=self._timeouts,
        )

    def _host(self, request: Request, address: str) -> str:
        match self.upstream.pass_host:
            case "node":
                return address
            case "rewrite":
                return self.upstream.upstream_host or address
        return request.headers.get("host") or address


def node_address(node: Node) -> str:
    """Return `host:port` as it goes into a URL, or the host alone where the scheme's port holds."""
    host = f"[{node.host}]" if ":" in node.host and not node.host.startswith("[") else node.host
    return host if node.port is None else f"{host}:{node.port}"


def content_length(method: str, body: Body) -> RawHeaders:
    """Return the `content-length` field of a request (RFC 9110 section 8.6), none for a body of unknown length.

    Methods that carry no content by themselves go without it when there is no body.
    """
    if body.length is None or (body.length == 0 and method in ("GET", "HEAD", "OPTIONS", "TRACE", "DELETE")):
        return []
    return [(b"content-length", str(body.length).encode())]
