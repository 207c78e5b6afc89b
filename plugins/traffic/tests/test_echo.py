import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, Response
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import Echo


async def echoed(config: dict[str, Any], response: Response, method: str = "GET") -> Response:
    plugin = make_plugin(Echo, config)
    await plugin.open(make_services())
    await run_phase(plugin, "response", make_exchange(make_request(method)), response)
    return response


async def streamed(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


@pytest.mark.parametrize(
    ("config", "body"),
    [
        ({"body": "new"}, b"new"),
        ({"body": ""}, b""),
        ({"before_body": "<"}, b"<old"),
        ({"after_body": ">"}, b"old>"),
        ({"before_body": "<", "body": "new", "after_body": ">"}, b"<new>"),
    ],
)
async def test_bodies(config: dict[str, Any], body: bytes) -> None:
    for old in (b"old", streamed(b"o", b"ld")):
        response = await echoed(config, Response(200, {"etag": '"1"', "content-length": "3"}, old))
        assert await response.read() == body
        assert list(response.headers) == []


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_without_body_gets_none(method: str, status: int) -> None:
    response = await echoed({"before_body": "x", "headers": {"x-a": "1"}}, Response(status), method)
    assert (response.body, response.headers.get("x-a")) == (b"", "1")


@pytest.mark.parametrize("config", [{}, {"headers": {"a": "b"}}, {"body": 1}, {"body": "", "headers": {"a b": "c"}}])
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(Echo, config)


async def test_on_a_gateway_a_stream_goes_on_streaming(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"one"], gate=gate))
    route = {
        "id": "r",
        "uri": "/",
        "plugins": {"echo": {"before_body": "<", "after_body": ">"}},
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [Echo])
    async with httpx.AsyncClient() as client, client.stream("GET", gateway.url) as answer:
        blocks, seen = answer.aiter_raw(), b""
        while seen != b"<one":
            seen += await anext(blocks)
        gate.set()
        assert b"".join([block async for block in blocks]) == b">"
