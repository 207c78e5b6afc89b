"""The last plugin of every proxy phase: it sends the request to the route's upstream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from .errors import BadRequest, ServiceUnavailable, UpstreamError
from .exchange import Exchange, UpstreamFacts
from .http.hygiene import end_to_end_request, without_hop_by_hop
from .http.message import Request, Response
from .model import Node, Timeouts, Upstream
from .plugin import Plugin, Services, hookimpl
from .upstream.balancer import Balancer
from .upstream.call import Call, CallTimeouts, ConnectionOptions, Origin, call_of


@dataclass(frozen=True, slots=True)
class _Target:
    """A node as requests go there; `host` is what they name, None for what the client named."""

    weight: int
    origin: Origin
    host: bytes | None


@dataclass(kw_only=True)
class Forward(Plugin):
    """Forwards to an upstream's nodes. Built in: routes get it by having an upstream, never by naming it."""

    name: ClassVar[str] = "forward"
    upstream: Upstream
    timeouts: Timeouts | None = None

    async def open(self, services: Services) -> None:
        """Take the client, and decide whatever does not depend on requests; the balancer begins with the first node."""
        upstream = self.upstream
        self._client = services.client
        self._clock = services.clock
        self._logger = services.logger
        self._balancer = Balancer([self._target(node) for node in upstream.nodes])
        self._retries = max(0, len(self._balancer) - 1) if upstream.retries is None else upstream.retries
        times = self.timeouts or upstream.timeouts
        self._timeouts = CallTimeouts(connect=times.connect, send=times.send, head=times.read, gap=times.read)

    def connects_to(self) -> Iterable[Origin]:
        """Return every node that requests go to."""
        return [self._target(node).origin for node in self.upstream.nodes if node.weight > 0]

    @hookimpl(trylast=True)
    async def proxy(self, exchange: Exchange) -> Response | None:
        """Send the request to the next node and hand its answer on as a stream.

        Where there is no connection to be had, the next node is tried: nothing of the request has left by then.
        """
        request = exchange.request
        if request.body.length is None:
            await request.body.settle()
        began, left = self._clock.monotonic(), self._retries
        while True:
            target = self._balancer.next()
            if target is None:
                raise ServiceUnavailable(f"upstream {self.upstream.id} has no node with a weight")
            exchange.upstream = facts = UpstreamFacts(target.origin.address)
            try:
                call = self._call(request, target)
                if request.is_websocket:
                    response = await self._websocket(exchange, call)
                else:
                    response = answer = await self._client.send(call)
                    if answer.streams:
                        exchange.defer(answer.close)
            except UpstreamError as error:
                if error.sent or not left or self._has_tried_long(began):
                    raise
                self._report(exchange, target, error)
                left -= 1
            else:
                facts.status, facts.seconds = response.status, self._clock.monotonic() - began
                return response

    async def _websocket(self, exchange: Exchange, call: Call) -> Response:
        if exchange.route is None or not exchange.route.enable_websocket:
            raise BadRequest("the route takes no WebSocket: set enable_websocket on it")
        response, socket = await self._client.open_websocket(call)
        if socket is not None:
            exchange.defer(socket.abandon)
        response.headers.raw = without_hop_by_hop(response.headers.raw)
        return response

    def _report(self, exchange: Exchange, target: _Target, error: UpstreamError) -> None:
        fields = {
            "node": target.origin.address,
            "cause": str(error),
            "request_id": exchange.request_id,
            "route": exchange.route.id if exchange.route else None,
        }
        self._logger.warning("next node tried", extra=fields)

    def _has_tried_long(self, began: float) -> bool:
        limit = self.upstream.retry_timeout
        return limit > 0 and self._clock.monotonic() - began >= limit

    def _target(self, node: Node) -> _Target:
        upstream, address = self.upstream, node_address(node)
        kept = upstream.keepalive
        options = ConnectionOptions(
            tls=upstream.tls,
            keepalive_seconds=kept.idle_timeout,
            keepalive_pool=kept.size,
            keepalive_calls=kept.requests,
        )
        hosts = {"node": address, "rewrite": upstream.upstream_host or address}
        host = hosts.get(upstream.pass_host)
        return _Target(node.weight, Origin(upstream.scheme, address, options), host.encode("latin-1") if host else None)

    def _call(self, request: Request, target: _Target) -> Call:
        host = target.host or dict(request.headers.raw).get(b"host") or target.origin.address.encode("latin-1")
        return call_of(
            request.method,
            target.origin,
            request.path,
            request.query.raw,
            [(b"host", host), *end_to_end_request(request)],
            request.body,
            self._timeouts,
            request.passing,
        )


def node_address(node: Node) -> str:
    """Return `host:port` as it goes into a URL, or the host alone where the scheme's port holds."""
    host = f"[{node.host}]" if ":" in node.host and not node.host.startswith("[") else node.host
    return host if node.port is None else f"{host}:{node.port}"
