"""What of a function's answer reaches the client."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ..fixtures import GatewayMaker
from ..upstream import FakeUpstream
from .carrying import EVERY_BYTE
from .client import ask, asking, leave
from .vendor import Answered, Vendor

_TEXT = ("content-type", "text/plain")


class Answering(Vendor):
    """Status, headers and body are the function's, as they come."""

    @pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 409, 500])
    async def test_the_functions_own_status_comes_through(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream, status: int
    ) -> None:
        """A status that the function chose is no failure of the gateway's, and its body explains it."""
        upstream.reply(self.reply(Answered(status=status, headers=[_TEXT], body=b"its own")))
        gateway = await self.started(start_gateway, upstream)
        answer = await ask(f"{gateway.url}{self.route_prefix}")
        assert (answer.status, answer.body) == (status, b"its own")
        assert len(upstream.received) == 1

    async def test_headers_come_through(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """Each `Set-Cookie` stays a field of its own."""
        fields = [_TEXT, ("x-own", "a b"), ("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2")]
        upstream.reply(self.reply(Answered(headers=fields, body=b"x")))
        gateway = await self.started(start_gateway, upstream)
        answer = await ask(f"{gateway.url}{self.route_prefix}")
        assert [answer.values(name) for name in ("content-type", "x-own")] == [["text/plain"], ["a b"]]
        assert answer.values("set-cookie") == ["a=1; Path=/", "b=2"]

    async def test_fields_of_its_connection_stay_behind(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """What the function says of its connection holds for none of the client's."""
        fields = [_TEXT, ("keep-alive", "timeout=9"), ("proxy-connection", "close")]
        upstream.reply(self.reply(Answered(headers=fields, body=b"x")))
        gateway = await self.started(start_gateway, upstream)
        answer = await ask(f"{gateway.url}{self.route_prefix}")
        assert {"keep-alive", "proxy-connection"}.isdisjoint(name for name, _ in answer.headers)
        assert answer.body == b"x"

    @pytest.mark.parametrize("status", [204, 304])
    async def test_a_status_without_a_body_has_none(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream, status: int
    ) -> None:
        """The next request on the connection finds it in order."""
        upstream.reply(self.reply(Answered(status=status)), self.reply(Answered(headers=[_TEXT], body=b"next")))
        gateway = await self.started(start_gateway, upstream)
        first, second = [await ask(f"{gateway.url}{self.route_prefix}") for _ in range(2)]
        assert (first.status, first.body, second.body) == (status, b"", b"next")

    async def test_an_answer_to_head_has_no_body(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """HEAD is answered by the head that GET would have."""
        upstream.reply(self.reply(Answered(headers=[_TEXT, ("x-own", "1")], body=b"body")))
        gateway = await self.started(start_gateway, upstream)
        answer = await ask(f"{gateway.url}{self.route_prefix}", "HEAD")
        assert (answer.status, answer.body) == (200, b"")

    async def test_every_byte_of_an_answer_comes_through(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """A body need not be text."""
        fields = [("content-type", "application/octet-stream")]
        upstream.reply(self.reply(Answered(headers=fields, body=EVERY_BYTE)))
        gateway = await self.started(start_gateway, upstream)
        assert (await ask(f"{gateway.url}{self.route_prefix}")).body == EVERY_BYTE

    async def test_the_first_byte_comes_before_the_last(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """An answer is passed on while the function still makes it."""
        if not self.streams:
            pytest.skip(f"{self.plugin.name} answers at once")
        gate = asyncio.Event()
        upstream.reply(replace(self.streamed(b"first", b"last"), gate=gate))
        gateway = await self.started(start_gateway, upstream)
        async with asyncio.timeout(10), asking(f"{gateway.url}{self.route_prefix}") as answer:
            first = await answer.content.readany()
            gate.set()
            assert (first, await answer.read()) == (b"first", b"last")

    async def test_a_client_that_leaves_ends_the_call(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """Nobody goes on waiting for a function in the place of a client that has left."""
        upstream.reply(replace(self.reply(Answered()), hang=True))
        gateway = await self.started(start_gateway, upstream, timeout=20_000)
        arrived = asyncio.ensure_future(upstream.arrived())
        await leave(gateway.port, self.route_prefix, arrived)
        async with asyncio.timeout(10):
            await upstream.left.wait()
