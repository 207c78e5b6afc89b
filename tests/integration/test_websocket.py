"""WebSockets through the gateway, native and on Hypercorn, between real clients and a real upstream."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from phasegate.limits import Limits
from phasegate.testing import RunningGateway, running_gateway
from phasegate.testing.fixtures import GatewayMaker
from tests.zoo import Answers, Token


class Upstream:
    """Echoes messages, upper-cased where they are text; `close CODE` closes with that code."""

    def __init__(self) -> None:
        self.handshakes: list[web.Request] = []
        self.ended = asyncio.Event()
        self.end_code: int | None = None
        self.port = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(request)
        if request.path == "/refused":
            return web.Response(status=403, text="no", headers={"x-why": "because"})
        socket = web.WebSocketResponse(protocols=("chat", "soap"))
        await socket.prepare(request)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data[::-1])
            elif message.data.startswith("close "):
                await socket.close(code=int(message.data.split()[1]), message=b"bye")
            else:
                await socket.send_str(message.data.upper())
        self.end_code = socket.close_code
        self.ended.set()
        return socket


@pytest.fixture
async def sockets() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", upstream.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.port = runner.addresses[0][1]
    yield upstream
    await runner.cleanup()


@pytest.fixture(params=["native", "hypercorn"])
async def gateway(request: pytest.FixtureRequest, start_gateway: GatewayMaker, sockets: Upstream) -> RunningGateway:
    upstream = {"nodes": {f"127.0.0.1:{sockets.port}": 1}}
    document: dict[str, Any] = {
        "services": [{"id": "s", "enable_websocket": True, "upstream": upstream}],
        "routes": [
            {"id": "on", "uri": "/*", "enable_websocket": True, "upstream": upstream},
            {"id": "by-service", "uri": "/service", "service_id": "s"},
            {"id": "off", "uri": "/off", "upstream": upstream},
            {"id": "off-again", "uri": "/off-again", "service_id": "s", "enable_websocket": False},
            {
                "id": "guarded",
                "uri": "/guarded",
                "enable_websocket": True,
                "plugins": {"token": {}},
                "upstream": upstream,
            },
            {"id": "plugin", "uri": "/plugin", "plugins": {"answers": {}}},
        ],
        "consumers": [{"username": "jack", "plugins": {"token": {"token": "sesame"}}}],
    }
    limits = Limits(message_bytes=100_000)
    return await start_gateway(document, [Token, Answers], protocol=request.param, limits=limits)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_messages_go_both_ways(gateway: RunningGateway, client: aiohttp.ClientSession, sockets: Upstream) -> None:
    async with client.ws_connect(f"{gateway.url}/a%2Fb?x=1") as socket:
        for number in range(3):
            await socket.send_str(f"hello {number}")
            assert await socket.receive_str() == f"HELLO {number}"
        await socket.send_bytes(b"\x00\x01\xff")
        assert await socket.receive_bytes() == b"\xff\x01\x00"
    assert sockets.handshakes[0].raw_path == "/a%2Fb?x=1"


async def test_the_handshake_reaches_the_upstream_as_any_request_does(
    gateway: RunningGateway, client: aiohttp.ClientSession, sockets: Upstream
) -> None:
    headers = {"x-custom": "yes", "origin": "http://page.test", "x-consumer-username": "root"}
    async with client.ws_connect(f"{gateway.url}/x", headers=headers, protocols=("soap", "chat")) as socket:
        assert socket.protocol == "soap"
    received = sockets.handshakes[0].headers
    assert (received["x-custom"], received["origin"]) == ("yes", "http://page.test")
    assert received["x-forwarded-for"] == "127.0.0.1"
    assert "x-consumer-username" not in received


@pytest.mark.parametrize("path", ["/service", "/guarded"])
async def test_a_service_may_enable_it_and_auth_may_guard_it(
    gateway: RunningGateway, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.ws_connect(f"{gateway.url}{path}", headers={"x-token": "sesame"}) as socket:
        await socket.send_str("a")
        assert await socket.receive_str() == "A"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/off", 400), ("/off-again", 400), ("/guarded", 401), ("/plugin", 200), ("/refused", 403)],
)
async def test_a_handshake_that_is_not_taken_is_answered(
    gateway: RunningGateway, client: aiohttp.ClientSession, sockets: Upstream, path: str, status: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(f"{gateway.url}{path}")
    assert caught.value.status == status
    assert len(sockets.handshakes) == (1 if path == "/refused" else 0)


async def test_the_end_is_passed_on_to_the_client(gateway: RunningGateway, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(f"{gateway.url}/x") as socket:
        await socket.send_str("close 4321")
        message = await socket.receive(timeout=5)
        assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 4321, "bye")


async def test_a_client_that_leaves_ends_the_upstreams_side(
    gateway: RunningGateway, client: aiohttp.ClientSession, sockets: Upstream
) -> None:
    socket = await client.ws_connect(f"{gateway.url}/x")
    await socket.send_str("a")
    await socket.receive_str()
    await client.close()
    await asyncio.wait_for(sockets.ended.wait(), 5)


async def test_a_message_over_the_limit_ends_it(
    request: pytest.FixtureRequest, gateway: RunningGateway, client: aiohttp.ClientSession
) -> None:
    if "hypercorn" in request.node.name:
        pytest.skip("stock Hypercorn has its own limit")
    async with client.ws_connect(f"{gateway.url}/x") as socket:
        await socket.send_bytes(bytes(100_001))
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)


async def test_a_message_that_comes_with_the_handshake_is_not_lost(
    start_gateway: GatewayMaker, sockets: Upstream
) -> None:
    upstream = {"nodes": {f"127.0.0.1:{sockets.port}": 1}}
    gateway = await start_gateway(
        {"routes": [{"id": "on", "uri": "/*", "enable_websocket": True, "upstream": upstream}]}
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    key = base64.b64encode(os.urandom(16))
    head = b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    frame = b"\x81\x82\0\0\0\0hi"
    writer.write(head + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n" + frame)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    assert await asyncio.wait_for(reader.readexactly(4), 5) == b"\x81\x02HI"
    writer.transport.abort()


@pytest.mark.parametrize(
    "fields",
    [
        b"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        b"Sec-WebSocket-Version: 13\r\n",
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
    ],
)
async def test_a_handshake_that_is_none_is_400(start_gateway: GatewayMaker, sockets: Upstream, fields: bytes) -> None:
    upstream = {"nodes": {f"127.0.0.1:{sockets.port}": 1}}
    route = {"id": "on", "uri": "/*", "enable_websocket": True, "upstream": upstream}
    gateway = await start_gateway({"routes": [route]})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + fields + b"\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()
    assert not sockets.handshakes


async def test_a_gateway_that_stops_says_so_to_both_sides(sockets: Upstream, client: aiohttp.ClientSession) -> None:
    upstream = {"nodes": {f"127.0.0.1:{sockets.port}": 1}}
    route = {"id": "on", "uri": "/*", "enable_websocket": True, "upstream": upstream}
    async with running_gateway({"routes": [route]}) as gateway:
        socket = await client.ws_connect(f"{gateway.url}/x")
        await socket.send_str("a")
        await socket.receive_str()
    message = await socket.receive(timeout=5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
    await asyncio.wait_for(sockets.ended.wait(), 5)
    assert sockets.end_code == 1001
