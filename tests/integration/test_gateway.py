"""The gateway as its clients see it, the same over every protocol."""

import asyncio
from typing import Any

import httpx
import pytest

from phasegate.limits import Limits
from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from tests.wire import Protocol, talk
from tests.zoo import Answers, Holds, Raises, Token, Waits, Witness

ZOO = [Witness, Answers, Raises, Waits, Token]


@pytest.fixture
async def gateway(start_gateway: GatewayMaker, protocol: Protocol, upstream: FakeUpstream) -> RunningGateway:
    nodes = {upstream.address: 1}
    document: dict[str, Any] = {
        "routes": [
            {"id": "all", "uri": "/*", "upstream": {"nodes": nodes}},
            {"id": "broken", "uri": "/broken", "plugins": {"raises": {}}},
            {"id": "waits", "uri": "/waits", "plugins": {"waits": {}}},
            {"id": "nowhere", "uri": "/nowhere", "upstream": {"nodes": {"127.0.0.1:1": 1}}},
            {"id": "guarded", "uri": "/guarded", "plugins": {"token": {}}, "upstream": {"nodes": nodes}},
            {"id": "host", "uri": "/", "host": "other.test", "plugins": {"answers": {"text": "other host"}}},
        ],
        "consumers": [{"username": "jack", "plugins": {"token": {"token": "sesame"}}}],
    }
    return await start_gateway(document, ZOO, tls=protocol.tls)


async def test_an_answer_is_passed_on(gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream) -> None:
    upstream.reply(
        Reply(status=207, headers=[("X-Thing", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], body=b"body")
    )
    response = await http.get(f"{gateway.url}/path")
    assert (response.status_code, response.content) == (207, b"body")
    assert response.headers["x-thing"] == "1"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers["content-length"] == "4"


async def test_head_tells_no_length_that_nobody_knows(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(pieces=[b"streamed"]))
    assert "content-length" not in (await http.head(gateway.url)).headers
    assert (await http.get(gateway.url)).content == b"streamed"


async def test_the_protocol_is_the_one_that_was_asked_for(
    gateway: RunningGateway, http: httpx.AsyncClient, protocol: Protocol
) -> None:
    response = await http.get(gateway.url)
    assert response.http_version == ("HTTP/2" if protocol.is_http2 else "HTTP/1.1")


async def test_the_server_is_the_gateway_and_a_date_is_there_once(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(headers={"Server": "upstream/1"}), Reply(headers={"Date": "Sat, 29 Nov 2021 16:08:27 GMT"}))
    first, second = await http.get(gateway.url), await http.get(gateway.url)
    assert first.headers.get_list("server") == second.headers.get_list("server") == ["Phasegate"]
    assert len(first.headers.get_list("date")) == 1
    assert second.headers.get_list("date") == ["Sat, 29 Nov 2021 16:08:27 GMT"]


async def test_connection_headers_of_the_upstream_stay_behind(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(headers={"Keep-Alive": "timeout=5", "Connection": "keep-alive, X-Private", "X-Private": "1"}))
    response = await http.get(gateway.url)
    assert not {"keep-alive", "x-private"} & set(response.headers)


async def test_the_request_reaches_the_upstream_whole(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream, protocol: Protocol
) -> None:
    target = "/a%2Fb//c;v=1?b=2&a=%20x&b=1&flag"
    await http.request(
        "PATCH", f"{gateway.url}{target}", content=b"payload", headers={"X-Custom": "yes", "host": "me.test"}
    )
    received = upstream.received[0]
    assert (received.method, received.target, received.body) == ("PATCH", target, b"payload")
    assert received.get("host") == "me.test"
    assert received.get("x-custom") == "yes"
    assert received.get("content-length") == "7"
    assert received.get("x-forwarded-for") == "127.0.0.1"
    assert received.get("x-forwarded-proto") == ("https" if protocol.tls else "http")
    assert received.get("via") == f"{'2' if protocol.is_http2 else '1.1'} phasegate"


async def test_a_get_without_body_stays_without_one(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    await http.get(gateway.url)
    assert upstream.received[0].get("content-length") is None
    assert upstream.received[0].get("transfer-encoding") is None


async def test_an_upload_of_unknown_length_streams(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    async def blocks() -> Any:
        for _ in range(20):
            yield b"x" * 10_000

    await http.post(gateway.url, content=blocks())
    assert upstream.received[0].body == b"x" * 200_000


async def test_a_large_answer_streams(gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(pieces=[b"y" * 50_000] * 40))
    assert (await http.get(gateway.url)).content == b"y" * 2_000_000


async def test_the_first_piece_arrives_before_the_last_is_made(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"first", b"last"], gate=gate))
    async with http.stream("GET", gateway.url) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        gate.set()
        assert b"".join([piece async for piece in pieces]) == b"last"


async def test_head_has_a_length_and_no_body(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(headers={"content-length": "5"}))
    response = await http.head(gateway.url)
    assert response.headers["content-length"] == "5"
    assert response.content == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_that_have_no_body(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream, status: int
) -> None:
    upstream.reply(Reply(raw=f"HTTP/1.1 {status} No\r\nx: 1\r\n\r\n".encode()))
    response = await http.get(gateway.url)
    assert (response.status_code, response.content) == (status, b"")
    assert "transfer-encoding" not in response.headers


async def test_no_route(start_gateway: GatewayMaker, http: httpx.AsyncClient, protocol: Protocol) -> None:
    gateway = await start_gateway({"routes": []}, tls=protocol.tls)
    response = await http.get(f"{gateway.url}/x")
    assert response.status_code == 404
    assert response.json() == {"error_msg": "404 Route Not Found"}
    assert response.headers["content-type"] == "application/json"


async def test_an_upstream_that_is_not_there(gateway: RunningGateway, http: httpx.AsyncClient) -> None:
    response = await http.get(f"{gateway.url}/nowhere", headers={"x-request-id": "my-request-id"})
    assert response.status_code == 502
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "code": "upstream_unreachable",
        "request_id": "my-request-id",
    }


async def test_a_plugin_that_fails_is_a_500_and_the_gateway_goes_on(
    gateway: RunningGateway, http: httpx.AsyncClient
) -> None:
    assert (await http.get(f"{gateway.url}/broken")).json()["code"] == "plugin_failed"
    assert (await http.get(gateway.url)).status_code == 200


async def test_the_host_header_chooses_the_route(gateway: RunningGateway, http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{gateway.url}/", headers={"host": "OTHER.test:1"})).text == "other host"


@pytest.mark.parametrize(
    "spelling", ["/%67uarded", "/x/../guarded", "/x/%2e%2e/guarded", "/./guarded", "/x/.%2E/%2e/guarded"]
)
async def test_no_other_spelling_gets_around_a_guard(
    gateway: RunningGateway, http: httpx.AsyncClient, spelling: str
) -> None:
    response = await http.get(httpx.URL(gateway.url).copy_with(raw_path=spelling.encode()))
    assert response.status_code == 401


async def test_no_slashes_that_an_upstream_would_merge_get_around_a_guard(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    for path in (b"//guarded", b"/x/..//guarded", b"/.//guarded"):
        response = await http.get(httpx.URL(gateway.url).copy_with(raw_path=path))
        assert response.status_code == 400
    assert (await http.get(httpx.URL(gateway.url).copy_with(raw_path=b"/a//b"))).status_code == 200
    assert [received.target for received in upstream.received] == ["/a//b"]


async def test_a_bad_path_is_refused(gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream) -> None:
    for path in (b"/%zz", b"/a%00", b"/..%2Fadmin"):
        response = await http.get(httpx.URL(gateway.url).copy_with(raw_path=path))
        assert response.status_code == 400
        assert response.json()["code"] == "bad_request"
    assert not upstream.received


async def test_identity_can_not_be_claimed(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    await http.get(gateway.url, headers={"X-Consumer-Username": "root", "X_Consumer_Username": "root"})
    await http.get(f"{gateway.url}/guarded", headers={"x-token": "sesame", "x-consumer-username": "root"})
    told = [[field for field in got.headers if "consumer" in field[0]] for got in upstream.received]
    assert told == [[], [("x-consumer-username", "jack"), ("x-consumer-id", "jack")]]


async def leave(http: httpx.AsyncClient, asking: asyncio.Task[httpx.Response]) -> None:
    asking.cancel()
    await asyncio.wait([asking])
    await http.aclose()


async def test_a_client_that_leaves_cancels_the_upstream_call(
    gateway: RunningGateway, http: httpx.AsyncClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(hang=True))
    asking = asyncio.create_task(http.get(gateway.url))
    await upstream.arrived()
    await leave(http, asking)
    await asyncio.wait_for(upstream.left.wait(), 5)


async def test_a_client_that_leaves_cancels_the_plugin_that_works_for_it(
    gateway: RunningGateway, http: httpx.AsyncClient
) -> None:
    Waits.waiting, Waits.cancelled = asyncio.Event(), asyncio.Event()
    asking = asyncio.create_task(http.get(f"{gateway.url}/waits"))
    await asyncio.wait_for(Waits.waiting.wait(), 5)
    await leave(http, asking)
    await asyncio.wait_for(Waits.cancelled.wait(), 5)


async def plain(start_gateway: GatewayMaker, upstream: FakeUpstream) -> RunningGateway:
    return await start_gateway({"routes": [{"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}}]})


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_half_an_answer_never_looks_whole(
    start_gateway: GatewayMaker, upstream: FakeUpstream, raw: bytes
) -> None:
    gateway = await plain(start_gateway, upstream)
    upstream.reply(Reply(raw=raw, close=True))
    answer = await talk(gateway.port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"half" in body
    assert not body.endswith(b"0\r\n\r\n")
    assert b"content-length: 4" not in head


async def test_an_expected_continue_is_answered_by_the_gateway(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gateway = await plain(start_gateway, upstream)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    writer.write(b"abc")
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    assert upstream.received[0].get("expect") is None
    assert upstream.received[0].body == b"abc"
    writer.close()


async def test_the_absolute_form_is_taken(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gateway = await plain(start_gateway, upstream)
    answer = await talk(gateway.port, b"GET http://other.test/x?y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert upstream.received[0].target == "/x?y"
    assert upstream.received[0].get("host") == "other.test"


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"user@host", b"a,b"])
async def test_a_host_that_is_none_is_refused(start_gateway: GatewayMaker, upstream: FakeUpstream, host: bytes) -> None:
    gateway = await plain(start_gateway, upstream)
    answer = await talk(gateway.port, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert not upstream.received


async def test_reload_is_live_and_a_request_ends_by_the_configuration_it_began_with(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gateway = await plain(start_gateway, upstream)
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate, body=b"old"))
    async with httpx.AsyncClient(verify=False) as client:
        slow = asyncio.create_task(client.get(gateway.url))
        await upstream.arrived()
        await gateway.reload({"routes": []})
        assert (await client.get(gateway.url)).status_code == 404
        gate.set()
        assert (await slow).text == "old"


async def test_bodies_that_wait_on_disk_are_only_so_many(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate, large = asyncio.Event(), bytes(2_000_000)
    upstream.reply(Reply(wait=gate), Reply(body=b"ok"))
    route = {"id": "r", "uri": "/", "plugins": {"holds": {}}, "upstream": {"nodes": {upstream.address: 1}}}
    gateway = await start_gateway({"routes": [route]}, [Holds], limits=Limits(body_files=1))
    async with httpx.AsyncClient(verify=False, timeout=10) as http:
        first = asyncio.create_task(http.post(gateway.url, content=large))
        await upstream.arrived()
        second = await http.post(gateway.url, content=large)
        assert (second.status_code, second.json()["code"]) == (503, "overloaded")
        gate.set()
        assert (await first).status_code == 200
        assert (await http.post(gateway.url, content=large)).status_code == 200
