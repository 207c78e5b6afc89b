import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import ConfigError, Response
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import Gzip, ResponseRewrite

HTML = {"content-type": "text/html; charset=utf-8"}
TEXT = b"hello " * 100


async def answered(
    config: dict[str, Any],
    response: Response,
    *,
    accept: str | None = "gzip",
    method: str = "GET",
    version: str = "1.1",
    headers: Any = (),
) -> Response:
    plugin = make_plugin(Gzip, config)
    await plugin.open(make_services())
    fields = {**dict(headers), **({} if accept is None else {"accept-encoding": accept})}
    exchange = make_exchange(make_request(method, headers=fields, http_version=version))
    await run_phase(plugin, "response", exchange, response)
    return response


async def streamed(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


@pytest.mark.parametrize("size", [20, 600, 8193, 262_145, 1_000_000])
async def test_a_body_is_compressed_whatever_its_size_or_kind(size: int) -> None:
    text = bytes(number % 251 for number in range(size))
    for body in (text, streamed(text), streamed(text[:7], b"", text[7:])):
        response = await answered({}, Response(200, HTML, body))
        assert gzip.decompress(await response.read()) == text
        assert response.headers.get("content-encoding") == "gzip"


async def test_the_fields_speak_of_the_compressed_body() -> None:
    fields = {**HTML, "etag": '"1"', "content-length": "600", "accept-ranges": "bytes", "digest": "d", "vary": "Origin"}
    fields["repr-digest"] = "sha-256=:d:"
    response = await answered({}, Response(200, fields, streamed(TEXT)))
    assert sorted(response.headers) == [
        ("content-encoding", "gzip"),
        ("content-type", HTML["content-type"]),
        ("etag", 'W/"1"'),
        ("vary", "Accept-Encoding"),
        ("vary", "Origin"),
    ]


@pytest.mark.parametrize("tag", ['W/"1"', None])
async def test_a_weak_tag_stays(tag: str | None) -> None:
    response = await answered({}, Response(200, {**HTML, **({"etag": tag} if tag else {})}, TEXT))
    assert response.headers.get("etag") == tag


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.1", True),
        ("*", True),
        ("br, *;q=0.1", True),
        (None, False),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("xgzip", False),
    ],
)
async def test_a_client_gets_what_it_accepts_and_caches_are_told(accept: str | None, *, compressed: bool) -> None:
    response = await answered({}, Response(200, HTML, TEXT), accept=accept)
    assert (response.headers.get("content-encoding") == "gzip") is compressed
    assert response.headers.get("vary") == "Accept-Encoding"
    assert (response.body == TEXT) is not compressed


@pytest.mark.parametrize(
    ("config", "status", "fields", "body"),
    [
        ({}, 200, {}, TEXT),
        ({}, 200, {"content-type": "image/png"}, TEXT),
        ({}, 200, {"content-type": "text/htmlx"}, TEXT),
        ({"types": ["text/plain"]}, 200, HTML, TEXT),
        ({}, 200, HTML, b"x" * 19),
        ({"min_length": 601}, 200, HTML, TEXT),
        ({}, 200, {**HTML, "content-encoding": "br"}, TEXT),
        ({}, 200, {**HTML, "content-encoding": "identity"}, TEXT),
        ({}, 200, {**HTML, "cache-control": "public, No-Transform"}, TEXT),
        ({}, 206, {**HTML, "content-range": "bytes 0-599/900"}, TEXT),
        ({}, 200, {**HTML, "content-range": "bytes 0-599/900"}, TEXT),
        ({}, 204, HTML, b""),
        ({}, 304, HTML, b""),
        ({}, 101, HTML, b""),
    ],
)
async def test_what_is_left_alone(config: dict[str, Any], status: int, fields: dict[str, str], body: bytes) -> None:
    response = await answered(config, Response(status, {**fields, "etag": '"1"'}, body))
    assert (response.body, dict(response.headers)) == (body, {**fields, "etag": '"1"'})


async def test_a_declared_length_under_the_least_is_left_alone() -> None:
    response = await answered({}, Response(200, {**HTML, "content-length": "5"}, streamed(b"short")))
    assert await response.read() == b"short"


async def test_a_request_may_forbid_it_too() -> None:
    response = await answered({}, Response(200, HTML, TEXT), headers={"cache-control": "no-transform"})
    assert response.body == TEXT


@pytest.mark.parametrize(
    ("length", "accept", "told"),
    [
        ("600", "gzip", {"content-encoding": "gzip", "etag": 'W/"1"', "vary": "Accept-Encoding"}),
        ("600", "br", {"content-length": "600", "etag": '"1"', "vary": "Accept-Encoding"}),
        ("19", "gzip", {"content-length": "19", "etag": '"1"'}),
        (None, "gzip", {"etag": '"1"', "vary": "Accept-Encoding"}),
    ],
)
async def test_head_is_told_what_get_would_be_as_far_as_it_is_known(
    length: str | None, accept: str, told: dict[str, str]
) -> None:
    fields = {**HTML, "etag": '"1"', **({"content-length": length} if length else {})}
    response = await answered({}, Response(200, fields), accept=accept, method="HEAD")
    assert dict(response.headers) == {**HTML, **told}


async def test_head_of_what_a_plugin_answers_is_told_the_length_of_get() -> None:
    get, head = [await answered({}, Response(200, HTML, TEXT), method=method) for method in ("GET", "HEAD")]
    assert (head.body, head.headers.raw) == (get.body, get.headers.raw)


async def test_types_may_be_written_in_any_case() -> None:
    assert (await answered({"types": ["Text/HTML"]}, Response(200, HTML, TEXT))).body != TEXT


@pytest.mark.parametrize(
    ("config", "version", "compressed"),
    [({}, "1.0", False), ({}, "2", True), ({"http_version": 1.0}, "1.0", True)],
)
async def test_old_clients_are_asked_about(config: dict[str, Any], version: str, *, compressed: bool) -> None:
    response = await answered(config, Response(200, HTML, TEXT), version=version)
    assert (response.body != TEXT) is compressed


async def test_all_types_may_be_meant_and_a_higher_level_is_shorter() -> None:
    text = b"".join(b"%d;" % (number * number) for number in range(1200))
    low = await answered({"types": "*"}, Response(200, {"content-type": "x/y"}, text))
    high = await answered({"types": "*", "comp_level": 9}, Response(200, {"content-type": "x/y"}, text))
    assert len(await high.read()) < len(await low.read()) < len(text)


@given(blocks=st.lists(st.binary(max_size=200)), length=st.booleans())
async def test_whatever_the_blocks_the_body_comes_back(blocks: list[bytes], *, length: bool) -> None:
    size = max(sum(map(len, blocks)), 20)
    fields = {**HTML, **({"content-length": str(size)} if length else {})}
    response = await answered({}, Response(200, fields, streamed(*blocks)))
    assert gzip.decompress(await response.read()) == b"".join(blocks)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"types": []}, "types"),
        ({"types": "text/html"}, "types"),
        ({"types": [1]}, "types"),
        ({"types": ["html"]}, "types"),
        ({"min_length": 0}, "min_length"),
        ({"comp_level": 0}, "comp_level"),
        ({"comp_level": 10}, "comp_level"),
        ({"http_version": 2}, "http_version"),
        ({"buffers": {"number": 32}}, "buffers: is not available"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(Gzip, config)


def test_caches_that_are_not_told_are_a_warning() -> None:
    assert [finding.level for finding in make_plugin(Gzip, {"vary": False}).check()] == ["warning"]


def route(upstream: FakeUpstream, **plugins: Any) -> dict[str, Any]:
    return {"id": "r", "uri": "/", "plugins": plugins, "upstream": {"nodes": {upstream.address: 1}}}


@pytest.mark.parametrize("http2", [False, True])
async def test_on_a_gateway_events_are_read_as_they_come(
    start_gateway: GatewayMaker, upstream: FakeUpstream, *, http2: bool
) -> None:
    gate = asyncio.Event()
    upstream.reply(
        Reply(headers={"content-type": "text/event-stream"}, pieces=[b"data: 1\n\n", b"data: 2\n\n"], gate=gate)
    )
    gateway = await start_gateway({"routes": [route(upstream, gzip={"types": ["text/event-stream"]})]}, [Gzip])
    decoder, seen = zlib.decompressobj(31), b""
    async with (
        httpx.AsyncClient(http1=not http2, http2=http2) as client,
        client.stream("GET", gateway.url, headers={"accept-encoding": "gzip"}) as answer,
    ):
        assert answer.headers["content-encoding"] == "gzip"
        blocks = answer.aiter_raw()
        while seen != b"data: 1\n\n":
            seen += decoder.decompress(await anext(blocks))
        gate.set()
        async for block in blocks:
            seen += decoder.decompress(block)
    assert seen == b"data: 1\n\ndata: 2\n\n"
    assert decoder.eof


async def test_on_a_gateway_it_comes_behind_other_plugins(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(headers=HTML, body=TEXT))
    filters = [{"regex": "hello", "replace": "goodbye", "scope": "global"}]
    plugins = {"gzip": {}, "response-rewrite": {"filters": filters}}
    gateway = await start_gateway({"routes": [route(upstream, **plugins)]}, [Gzip, ResponseRewrite])
    async with httpx.AsyncClient() as client:
        answer = await client.get(gateway.url, headers={"accept-encoding": "gzip"})
    assert answer.content == b"goodbye " * 100
    assert int(answer.headers["content-length"]) < 100
