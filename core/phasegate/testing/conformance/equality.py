"""A function is an ordinary target: plugins change a route's requests and answers as they do before a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...exchange import Exchange
from ...http.message import Response
from ...http.query import Query
from ...plugin import Plugin, hookimpl
from ..fixtures import GatewayMaker
from ..upstream import FakeUpstream, Reply
from .client import Got, ask
from .vendor import Answered, Seen, Vendor

_ANSWER = Answered(status=203, headers=[("content-type", "text/plain"), ("x-own", "1")], body=b"whispered")


@dataclass(kw_only=True)
class Rewriting(Plugin):
    """Changes whatever a rewrite may change."""

    name: ClassVar[str] = "conformance-rewriting"
    priority: ClassVar[int] = 1000

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Change method, path, query and headers."""
        request = exchange.request
        request.method = "PUT"
        request.path += "/rewritten"
        request.query = Query(f"{request.query.raw}&added=1")
        request.headers["x-added"] = "1"
        request.headers.remove("x-dropped")
        return None


@dataclass(kw_only=True)
class Shouting(Plugin):
    """Changes whatever a response phase may change."""

    name: ClassVar[str] = "conformance-shouting"
    priority: ClassVar[int] = 1000

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Change status, headers and body."""
        response.status = 202
        response.headers["x-added"] = "1"
        response.headers.remove("x-own")
        response.body = (await response.read()).upper()
        return None


class Equality(Vendor):
    """Before a function and before a node, other plugins do the same."""

    async def test_a_rewrite_changes_what_the_function_sees(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """Method, path, query and headers are those that a node would get."""
        upstream.reply(self.reply(_ANSWER))
        gateway = await start_gateway(self._both(upstream, Rewriting.name), [self.plugin, Rewriting])
        for prefix in (self.route_prefix, "/node/"):
            fields = [("x-dropped", "1"), ("content-type", "text/plain")]
            await ask(f"{gateway.url}{prefix}a?b=1", "POST", headers=fields, body=b"body")
        function, node = self.seen(upstream.received[0]), _of_node(upstream)
        for part in self.carries - {"headers"}:
            assert getattr(function, part) == getattr(node, part), part
        if "headers" in self.carries:
            for name in ("x-added", "x-dropped", "content-type"):
                assert function.values(name) == node.values(name), name

    async def test_a_response_plugin_changes_what_the_client_sees(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """Status, headers and body are those that a node's answer would have."""
        upstream.reply(self.reply(_ANSWER), _plain(_ANSWER))
        gateway = await start_gateway(self._both(upstream, Shouting.name), [self.plugin, Shouting])
        function, node = [await ask(f"{gateway.url}{prefix}") for prefix in (self.route_prefix, "/node/")]
        assert _shown(function) == _shown(node) == (202, b"WHISPERED", ["1"], [])

    def _both(self, upstream: FakeUpstream, changing: str) -> dict[str, Any]:
        """Return a document whose routes lead to the function and to a node, with one plugin more on both."""
        document = self.document(upstream.url)
        document["routes"][0]["plugins"][changing] = {}
        node = {"id": "node", "uri": "/node/*", "plugins": {changing: {}}, "upstream": {"nodes": {upstream.address: 1}}}
        document["routes"].append(node)
        return document


def _plain(answered: Answered) -> Reply:
    return Reply(status=answered.status, headers=answered.headers, body=answered.body)


def _of_node(upstream: FakeUpstream) -> Seen:
    received = upstream.received[1]
    path, _, query = received.target.partition("?")
    return Seen(
        method=received.method,
        path=path.removeprefix("/node/"),
        query=query,
        headers=received.headers,
        body=received.body,
    )


def _shown(answer: Got) -> tuple[int, bytes, list[str], list[str]]:
    return answer.status, answer.body, answer.values("x-added"), answer.values("x-own")
