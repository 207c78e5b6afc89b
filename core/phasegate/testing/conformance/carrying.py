"""What of a request reaches the function."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ..fixtures import GatewayMaker
from ..upstream import FakeUpstream
from .client import ask
from .vendor import Part, Vendor

EVERY_BYTE = bytes(range(256)) * 8


class Carrying(Vendor):
    """Method, path, query, headers and body arrive as they were sent, and what is a connection's own does not."""

    def needs(self, part: Part) -> None:
        """Skip a test of a part that this vendor's functions never see."""
        if part not in self.carries:
            pytest.skip(f"{self.plugin.name} carries no {part}")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_the_method_arrives(self, start_gateway: GatewayMaker, upstream: FakeUpstream, method: str) -> None:
        """Every method is the function's own."""
        self.needs("method")
        gateway = await self.started(start_gateway, upstream)
        await ask(f"{gateway.url}{self.route_prefix}a", method)
        assert self.seen(upstream.received[0]).method == method

    @pytest.mark.parametrize("path", ["a", "a/b", "a/", "", "a%2Fb", "%C3%A4", "a//b", "a;b=c,d"])
    async def test_the_path_arrives(self, start_gateway: GatewayMaker, upstream: FakeUpstream, path: str) -> None:
        """What stands under the route's star is appended as it is, escapes included."""
        self.needs("path")
        gateway = await self.started(start_gateway, upstream)
        await ask(f"{gateway.url}{self.route_prefix}{path}")
        assert self.seen(upstream.received[0]).path == self.spelling(path)

    @pytest.mark.parametrize("query", ["a=1", "a=1&a=2", "b=%20&a=%C3%A4", "a=%2B+%26"])
    async def test_the_query_arrives(self, start_gateway: GatewayMaker, upstream: FakeUpstream, query: str) -> None:
        """Pairs keep their order and their repeats."""
        self.needs("query")
        gateway = await self.started(start_gateway, upstream)
        await ask(f"{gateway.url}{self.route_prefix}?{query}")
        assert self.seen(upstream.received[0]).query.replace("%20", "+") == query.replace("%20", "+")

    async def test_headers_arrive(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """Fields arrive with every value of a repeated one, and cookies among them."""
        self.needs("headers")
        gateway = await self.started(start_gateway, upstream)
        sent = [("x-once", "a b"), ("x-twice", "1"), ("x-twice", "2"), ("cookie", "a=1; b=2"), ("accept", "text/html")]
        await ask(f"{gateway.url}{self.route_prefix}", headers=sent)
        seen = self.seen(upstream.received[0])
        assert [seen.values(name) for name in ("x-once", "x-twice", "accept")] == [["a b"], ["1", "2"], ["text/html"]]
        assert [value for name, value in seen.headers if name == "cookie"] == ["a=1; b=2"]

    async def test_fields_of_the_connection_stay_behind(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """Hop-by-hop fields are the gateway's, and so is whatever `Connection` names."""
        gateway = await self.started(start_gateway, upstream)
        hops = [("connection", "x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=9"), ("proxy-connection", "close")]
        await ask(f"{gateway.url}{self.route_prefix}", headers=[*hops, ("te", "gzip"), ("proxy-authorization", "x")])
        seen = self.seen(upstream.received[0])
        arrived = {name for name, _ in [*seen.headers, *upstream.received[0].headers]}
        assert not arrived & {"x-hop", "keep-alive", "proxy-connection", "te", "proxy-authorization"}

    async def test_who_asks_is_told_and_can_not_be_forged(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """`X-Forwarded-*` is written by the gateway; a consumer that a client claims to be is not believed."""
        self.needs("headers")
        gateway = await self.started(start_gateway, upstream)
        forged = [("x-forwarded-for", "192.0.2.1"), ("x-consumer-username", "admin"), ("host", "client.test")]
        await ask(f"{gateway.url}{self.route_prefix}", headers=forged)
        seen = self.seen(upstream.received[0])
        assert (seen.values("x-forwarded-for"), seen.values("x-forwarded-host")) == (["127.0.0.1"], ["client.test"])
        assert seen.values("x-consumer-username") == []

    @pytest.mark.parametrize("body", [b"text", EVERY_BYTE, b"x" * 200_000], ids=["text", "binary", "large"])
    async def test_the_body_arrives(self, start_gateway: GatewayMaker, upstream: FakeUpstream, body: bytes) -> None:
        """Every byte of a body is the function's, whatever they are."""
        self.needs("body")
        gateway = await self.started(start_gateway, upstream)
        fields = [("content-type", "application/octet-stream")]
        await ask(f"{gateway.url}{self.route_prefix}", "POST", headers=fields, body=body)
        assert self.seen(upstream.received[0]).body == body

    async def test_a_body_of_unknown_length_arrives(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """A body that comes in chunks arrives whole."""
        self.needs("body")
        gateway = await self.started(start_gateway, upstream)
        fields = [("content-type", "application/octet-stream")]
        await ask(f"{gateway.url}{self.route_prefix}", "POST", headers=fields, body=_pieces(b"one", b"two"))
        assert self.seen(upstream.received[0]).body == b"onetwo"

    async def test_a_body_over_the_limit_never_arrives(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """`max_req_body_size` holds for bodies of known and of unknown length: 413, and the function is not called."""
        gateway = await self.started(start_gateway, upstream, max_req_body_size=10)
        url = f"{gateway.url}{self.route_prefix}"
        answers = [
            await ask(url, "POST", body=b"12345678901"),
            await ask(url, "POST", body=_pieces(b"123456", b"78901")),
        ]
        assert [answer.status for answer in answers] == [413, 413]
        assert not upstream.received


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
