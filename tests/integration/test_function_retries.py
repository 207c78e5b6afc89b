"""Calls that are made once more, over sockets: by what failed, within the budget, and after what wait."""

import asyncio
import logging
import socket
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from tests.functions import Functions, route, started

pytestmark = pytest.mark.long

CLOSED = Reply(raw=b"", close=True)
FINE = Reply(body=b"fine")


async def ask(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        content = b"body" if method == "POST" else None
        return await client.request(method, f"{url}/", content=content, headers=headers)


def repeated(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.msg == "call repeated" for record in caplog.records)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_is_tried_again_whatever_the_method(
    start_gateway: GatewayMaker, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        gateway = await start_gateway({"routes": [route(f"http://127.0.0.1:{sock.getsockname()[1]}/")]}, [Functions])
        response = await ask(gateway.url, method)
    assert (response.status_code, response.json()["code"]) == (502, "upstream_unreachable")
    assert repeated(caplog) == 1


async def test_a_function_that_is_back_when_it_is_called_once_more_answers(
    start_gateway: GatewayMaker, caplog: pytest.LogCaptureFixture
) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    loop, servers = asyncio.get_running_loop(), []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
        writer.close()

    class Listens(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "call repeated":
                sock.listen()
                servers.append(loop.create_task(asyncio.start_server(answer, sock=sock)))

    handler = Listens()
    logging.getLogger("phasegate.plugins.functions").addHandler(handler)
    gateway = await start_gateway({"routes": [route(f"http://127.0.0.1:{sock.getsockname()[1]}/")]}, [Functions])
    response = await ask(gateway.url)
    logging.getLogger("phasegate.plugins.functions").removeHandler(handler)
    (await servers[0]).close()
    assert (response.status_code, response.text) == (200, "fine")


@pytest.mark.parametrize(
    ("method", "headers", "calls"),
    [
        *((method, {}, 2) for method in ("GET", "HEAD", "OPTIONS")),
        *((method, {}, 1) for method in ("POST", "PUT", "PATCH", "DELETE")),
        ("POST", {"idempotency-key": "one"}, 2),
    ],
)
async def test_a_call_that_was_sent_and_not_answered_is_made_once_more_where_that_does_no_harm(
    start_gateway: GatewayMaker, upstream: FakeUpstream, method: str, headers: dict[str, str], calls: int
) -> None:
    upstream.reply(CLOSED, FINE)
    response = await ask((await started(start_gateway, upstream)).url, method, **headers)
    assert (response.status_code, len(upstream.received)) == (200 if calls == 2 else 502, calls)
    assert len({received.body for received in upstream.received}) == 1


async def test_a_kept_connection_that_was_closed_does_not_repeat_a_post_either(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(FINE, CLOSED, FINE)
    gateway = await started(start_gateway, upstream)
    assert [(await ask(gateway.url, "POST")).status_code for _ in range(2)] == [200, 502]
    assert [received.connection for received in upstream.received] == [1, 1]


@pytest.mark.parametrize(
    ("status", "method", "calls"),
    [(429, "GET", 2), (429, "POST", 2), (500, "GET", 2), (500, "POST", 1), (501, "GET", 1), (503, "GET", 1)],
)
async def test_what_the_vendor_says_of_an_answer_decides(
    start_gateway: GatewayMaker, upstream: FakeUpstream, status: int, method: str, calls: int
) -> None:
    upstream.reply(Reply(status=status), FINE)
    response = await ask((await started(start_gateway, upstream)).url, method)
    assert (response.status_code, len(upstream.received)) == (200 if calls == 2 else status, calls)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"garbage\r\n\r\n", close=True),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=True),
    ],
)
async def test_an_answer_that_began_is_never_asked_for_again(
    start_gateway: GatewayMaker, upstream: FakeUpstream, reply: Reply
) -> None:
    upstream.reply(reply, FINE)
    gateway = await started(start_gateway, upstream)
    try:
        assert (await ask(gateway.url)).status_code == 502
    except httpx.RemoteProtocolError:
        assert reply.raw is not None
        assert reply.raw.startswith(b"HTTP")
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("config", "method", "calls"),
    [({}, "GET", 1), ({"retry_on_timeout": True}, "GET", 2), ({"retry_on_timeout": True}, "POST", 1)],
)
async def test_a_timeout_is_of_each_call_and_made_once_more_where_that_is_asked_for(
    start_gateway: GatewayMaker, upstream: FakeUpstream, config: dict[str, Any], method: str, calls: int
) -> None:
    upstream.reply(Reply(hang=True), FINE)
    gateway = await started(start_gateway, upstream, timeout=300, **config)
    response = await ask(gateway.url, method)
    assert (response.status_code, len(upstream.received)) == (200 if calls == 2 else 504, calls)


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_there_are_no_more_retries_than_configured(
    start_gateway: GatewayMaker, upstream: FakeUpstream, retries: int
) -> None:
    upstream.reply(Reply(status=429))
    assert (await ask((await started(start_gateway, upstream, retries=retries)).url)).status_code == 429
    assert len(upstream.received) == 1 + retries


async def test_a_function_that_fails_throughout_is_not_called_much_more_often_for_that(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(status=429))
    gateway = await started(start_gateway, upstream)
    async with httpx.AsyncClient() as client:
        for _ in range(100):
            assert (await client.get(gateway.url)).status_code == 429
    # Twelve until the first ten are used up, one in five of the others, and one for every ten seconds that went by.
    assert 129 <= len(upstream.received) <= 135


async def test_what_the_service_asks_to_wait_is_waited(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=429, headers={"retry-after": "1"}), FINE)
    gateway = await started(start_gateway, upstream)
    loop = asyncio.get_running_loop()
    asking = asyncio.create_task(ask(gateway.url))
    await upstream.arrived(1)
    began = loop.time()
    await upstream.arrived(2)
    assert loop.time() - began > 0.9
    assert (await asking).status_code == 200


async def test_a_longer_wait_than_there_may_be_is_the_clients(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(status=429, headers={"retry-after": "2"}))
    response = await ask((await started(start_gateway, upstream)).url)
    assert (response.status_code, response.headers["retry-after"], len(upstream.received)) == (429, "2", 1)


async def test_a_client_that_leaves_ends_the_wait(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=429, headers={"retry-after": "60"}), FINE)
    gateway = await started(start_gateway, upstream, retry_wait=60_000)
    asking = asyncio.create_task(ask(gateway.url))
    await upstream.arrived(1)
    before = len(asyncio.all_tasks())
    asking.cancel()
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) >= before:
            await asyncio.sleep(0.01)
    assert (await ask(gateway.url)).status_code == 200
    assert len(upstream.received) == 2


async def test_a_body_that_waits_on_disk_is_sent_again_whole(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(status=429), FINE)
    gateway = await started(start_gateway, upstream)
    body = bytes(range(256)) * 12_000
    async with httpx.AsyncClient() as client:
        assert (await client.post(gateway.url, content=body)).status_code == 200
    assert [received.body for received in upstream.received] == [body, body]
