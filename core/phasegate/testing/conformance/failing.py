"""What a client is told where the function can't be reached, or does not answer."""

from __future__ import annotations

import contextlib
import json

import aiohttp

from ..fixtures import GatewayMaker
from ..upstream import FakeUpstream, Reply, fake_upstream
from .certificate import unknown_certificate
from .client import Got, ask
from .vendor import Answered, Vendor


class Failing(Vendor):
    """Each failure on the way is one status and one code, as problem JSON (RFC 9457)."""

    async def test_a_function_that_hangs_is_a_504(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """`timeout` bounds the time to the answer's head."""
        upstream.reply(Reply(hang=True))
        gateway = await self.started(start_gateway, upstream, timeout=200)
        self.is_problem(await ask(f"{gateway.url}{self.route_prefix}"), 504, "upstream_timeout")

    async def test_a_function_that_is_not_there_is_a_502(self, start_gateway: GatewayMaker) -> None:
        """Nobody listens where the function should be."""
        gateway = await start_gateway(self.document("http://127.0.0.1:1"), [self.plugin])
        self.is_problem(await ask(f"{gateway.url}{self.route_prefix}"), 502, "upstream_unreachable")

    async def test_a_function_that_hangs_up_is_a_502(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """The connection is closed before an answer."""
        upstream.reply(Reply(raw=b"", close=True))
        gateway = await self.started(start_gateway, upstream)
        self.is_problem(await ask(f"{gateway.url}{self.route_prefix}"), 502, "upstream_unreachable")

    async def test_what_is_no_http_is_a_502(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """What comes back is not HTTP."""
        upstream.reply(Reply(raw=b"\x16\x03\x01 garbage\r\n\r\n", close=True))
        gateway = await self.started(start_gateway, upstream)
        self.is_problem(await ask(f"{gateway.url}{self.route_prefix}"), 502, "malformed_response")

    async def test_half_an_answer_never_looks_whole(self, start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
        """An answer that breaks off cuts the client's connection, or is a 502 where nothing of it has left."""
        upstream.reply(Reply(raw=b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"half":', close=True))
        gateway = await self.started(start_gateway, upstream)
        with contextlib.suppress(aiohttp.ClientPayloadError):
            assert (await ask(f"{gateway.url}{self.route_prefix}")).status == 502

    async def test_a_certificate_that_nobody_knows_is_a_502(self, start_gateway: GatewayMaker) -> None:
        """TLS is verified unless the configuration says otherwise; then the function answers."""
        async with fake_upstream(unknown_certificate()) as secured:
            secured.reply(self.reply(Answered(body=b"x")))
            verifying = await self.started(start_gateway, secured)
            self.is_problem(await ask(f"{verifying.url}{self.route_prefix}"), 502, "upstream_tls")
            assert not secured.received
            trusting = await self.started(start_gateway, secured, ssl_verify=False)
            assert (await ask(f"{trusting.url}{self.route_prefix}")).status == 200

    def is_problem(self, answer: Got, status: int, code: str) -> None:
        """Check that an answer is the problem of a status and a code."""
        problem = json.loads(answer.body)
        assert (answer.status, problem["code"], problem["status"]) == (status, code, status)
        assert answer.values("content-type") == ["application/problem+json"]
