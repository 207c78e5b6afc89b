import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import brotli
import httpx
import pytest

from phasegate import ConfigError, Response
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import Brotli, Gzip, brotli_coding

HTML = {"content-type": "text/html"}
TEXT = b"hello " * 100


async def answered(config: dict[str, Any], response: Response, accept: str = "br") -> Response:
    plugin = make_plugin(Brotli, config)
    await plugin.open(make_services())
    exchange = make_exchange(make_request(headers={"accept-encoding": accept}))
    await run_phase(plugin, "response", exchange, response)
    return response


async def streamed(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"comp_level": 0},
        {"comp_level": 11},
        {"mode": 1},
        {"mode": 2},
        {"lgwin": 0},
        {"lgwin": 10},
        {"lgwin": 24, "lgblock": 16},
    ],
)
async def test_a_body_is_compressed(config: dict[str, Any]) -> None:
    for body in (TEXT, streamed(TEXT[:100], TEXT[100:])):
        response = await answered(config, Response(200, {**HTML, "etag": '"1"'}, body))
        assert brotli.decompress(await response.read()) == TEXT
        assert (response.headers.get("content-encoding"), response.headers.get("etag")) == ("br", 'W/"1"')


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        ("gzip, deflate, br", True),
        ("gzip;q=0.8, br;q=0.9", True),
        ("gzip;q=0.9, br;q=0.8", False),
        ("br;q=0", False),
        ("gzip", False),
        ("*", True),
        ("gzip, *;q=0.5", False),
    ],
)
async def test_gzip_goes_before_where_the_client_likes_it_better(accept: str, *, compressed: bool) -> None:
    response = await answered({}, Response(200, HTML, TEXT), accept)
    assert (response.headers.get("content-encoding") == "br") is compressed


@pytest.mark.parametrize(
    "config", [{"mode": 3}, {"comp_level": 12}, {"comp_level": -1}, {"lgwin": 9}, {"lgblock": 15}, {"types": "x"}]
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(Brotli, config)


def test_without_the_library_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brotli_coding, "brotli", None)
    with pytest.raises(ConfigError, match=r"pip install 'phasegate-traffic\[brotli\]'"):
        make_plugin(Brotli, {})


@pytest.mark.parametrize(
    ("accept", "coding"),
    [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0.5, gzip", "gzip"), ("br;q=0, gzip;q=0", None)],
)
async def test_on_a_gateway_either_does_what_the_other_leaves(
    start_gateway: GatewayMaker, upstream: FakeUpstream, accept: str, coding: str | None
) -> None:
    upstream.reply(Reply(headers=HTML, body=TEXT))
    route = {"id": "r", "uri": "/", "plugins": {"gzip": {}, "brotli": {}}, "upstream": {"nodes": {upstream.address: 1}}}
    gateway = await start_gateway({"routes": [route]}, [Brotli, Gzip])
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", gateway.url, headers={"accept-encoding": accept}) as answer,
    ):
        raw = b"".join([block async for block in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers.get_list("vary") == ["Accept-Encoding"]
    read = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert read(raw) == TEXT


async def test_on_a_gateway_events_are_read_as_they_come(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(headers=HTML, pieces=[b"one", b"two"], gate=gate))
    route = {"id": "r", "uri": "/", "plugins": {"brotli": {}}, "upstream": {"nodes": {upstream.address: 1}}}
    gateway = await start_gateway({"routes": [route]}, [Brotli])
    decoder, seen = brotli.Decompressor(), b""
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", gateway.url, headers={"accept-encoding": "br"}) as answer,
    ):
        blocks = answer.aiter_raw()
        while seen != b"one":
            seen += decoder.process(await anext(blocks))
        gate.set()
        async for block in blocks:
            seen += decoder.process(block)
    assert seen == b"onetwo"
