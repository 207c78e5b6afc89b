"""Requests that come before their predecessor is answered are answered in their order, and don't fill the memory."""

import asyncio
import gc
import tracemalloc

import pytest

from phasegate import Request, Response
from phasegate.errors import UpstreamTimeout
from phasegate.server.serving import Protocol
from tests.http1_client import Client, chunked, request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Handler, echo

FLOOD = request("GET", "/a") * 600_000


def first_after(gate: asyncio.Event) -> Handler:
    async def handler(received: Request) -> Response:
        if received.path == "/first":
            await gate.wait()
        return await echo(received)

    return handler


async def lines(client: Client, count: int) -> list[str | None]:
    return [(await client.answer()).get("x-request") for _ in range(count)]


async def test_answers_keep_the_order_of_requests_though_the_first_is_slow(
    listen: Listen, connect: Connect, mode: Protocol
) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate), protocol=mode)
    client = await connect(server)
    await client.send(request("GET", "/first") + request("GET", "/second") + request("GET", "/third"))
    await server.application.begun()
    assert await client.is_silent()
    gate.set()
    assert await lines(client, 3) == ["GET /first", "GET /second", "GET /third"]


async def test_a_request_that_comes_while_one_is_answered_waits(
    listen: Listen, connect: Connect, mode: Protocol
) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate), protocol=mode)
    client = await connect(server)
    await client.send(request("GET", "/first"))
    await server.application.begun()
    await client.send(request("PUT", "/second", body=b"abc"))
    assert await client.is_silent()
    gate.set()
    assert await lines(client, 2) == ["GET /first", "PUT /second"]


async def test_bodies_belong_to_their_requests(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(protocol=mode))
    await client.send(request("POST", "/", body=b"one") + chunked(b"tw", b"o") + request("POST", "/", body=b"three"))
    assert [(await client.answer()).body for _ in range(3)] == [b"one", b"two", b"three"]


async def test_bodies_of_requests_that_wait_are_not_lost(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate))
    client = await connect(server)
    bodies = [bytes([65 + number]) * 40_000 for number in range(5)]
    await client.send(request("GET", "/first"))
    await server.application.begun()
    sending = asyncio.create_task(client.send(b"".join(request("POST", "/", body=body) for body in bodies)))
    assert await client.is_silent()
    gate.set()
    assert [(await client.answer()).body for _ in range(6)] == [b"", *bodies]
    await sending


async def test_heads_without_bodies_leave_what_follows_alone(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(protocol=mode))
    await client.send(request("HEAD", "/a") + request("GET", "/b"))
    assert (await client.answer("HEAD")).get("x-request") == "HEAD /a"
    assert (await client.answer()).get("x-request") == "GET /b"


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", request("CONNECT", "h:1")]
)
async def test_good_requests_before_garbage_are_answered_first(
    listen: Listen, connect: Connect, garbage: bytes
) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate))
    client = await connect(server)
    await client.send(request("GET", "/first") + request("GET", "/second") + garbage + request("GET", "/third"))
    await server.application.begun()
    gate.set()
    assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
    assert (await client.rest(), server.application.paths) == (b"", ["/first", "/second"])


async def test_garbage_far_behind_requests_that_fail_is_garbage_still(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        raise UpstreamTimeout("too slow")

    client = await connect(await listen(handler))
    sending = asyncio.create_task(client.send(request("GET", "/") * 1500 + b"GET / HTTP/1.1\r\n\r\n"))
    statuses = [(await client.answer()).status for _ in range(1501)]
    assert (set(statuses[:-1]), statuses[-1]) == ({504}, 400)
    await sending


async def test_garbage_that_comes_while_a_request_is_answered_waits_too(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate))
    client = await connect(server)
    await client.send(request("GET", "/first"))
    await server.application.begun()
    await client.send(b"\xff" * 100)
    assert await client.is_silent()
    gate.set()
    assert [(await client.answer()).status for _ in range(2)] == [200, 400]


async def test_the_refusal_behind_a_head_request_has_its_body(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    await client.send(request("HEAD", "/a") + b"\xff\r\n\r\n")
    await client.answer("HEAD")
    assert b'"status":400' in (await client.answer()).body


async def test_nothing_behind_the_last_request_is_served(listen: Listen, connect: Connect, mode: Protocol) -> None:
    server = await listen(protocol=mode)
    client = await connect(server)
    await client.send(request("GET", "/a", b"Connection: close") + request("GET", "/b"))
    assert (await client.answer()).get("connection") == "close"
    assert (await client.rest(), server.application.paths) == (b"", ["/a"])


async def test_nothing_behind_a_request_that_is_refused_is_served(listen: Listen, connect: Connect) -> None:
    server = await listen()
    client = await connect(server)
    await client.send(b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n" + request("GET", "/b"))
    assert (await client.answer()).status == 400
    assert (await client.rest(), server.application.paths) == (b"", [])


async def test_much_behind_the_last_request_does_not_cost_its_answer(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, bytes(1_000_000))

    client = await connect(await listen(handler))
    sending = asyncio.create_task(client.send(request("GET", "/a", b"Connection: close") + FLOOD))
    assert len((await client.answer()).body) == 1_000_000
    sending.cancel()


async def test_a_flood_of_requests_waits_outside(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate))
    client = await connect(server)
    await client.send(request("GET", "/first"))
    await server.application.begun()
    gc.collect()
    tracemalloc.start()
    sending = asyncio.create_task(client.send(FLOOD))
    assert await client.is_silent(0.1)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (sending.done(), held < 3_000_000) == (False, True)
    sending.cancel()


async def test_a_flood_in_one_piece_makes_few_exchanges_at_once(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(first_after(gate))
    client = await connect(server)
    flood = request("GET", "/first") + b"GET / HTTP/1.1\r\nHost:h\r\n\r\n" * 8000
    sending = asyncio.create_task(client.send(flood))
    await server.application.begun()
    assert await client.is_silent()
    exchanges = [thing for thing in gc.get_objects() if type(thing).__name__ == "Http1Exchange"]
    assert len(exchanges) < 1000
    sending.cancel()


async def test_a_flood_whose_answers_nobody_takes_is_not_answered(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, bytes(60_000))

    server = await listen(handler)
    client = await connect(server, receive_buffer=4096)
    sending = asyncio.create_task(client.send(request("GET", "/a") * 1000))
    seen = -1
    while seen < len(server.application.requests):
        seen = len(server.application.requests)
        await asyncio.sleep(0.05)
    assert seen < 200
    assert [len((await client.answer()).body) for _ in range(300)] == [60_000] * 300
    sending.cancel()


async def test_a_flood_of_heads_whose_answers_nobody_takes_is_not_answered(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {"x-long": "x" * 4000})

    server = await listen(handler)
    client = await connect(server, receive_buffer=4096)
    sending = asyncio.create_task(client.send(request("HEAD", "/a") * 20_000))
    seen = -1
    while seen < len(server.application.requests):
        seen = len(server.application.requests)
        await asyncio.sleep(0.05)
    assert seen < 3000
    sending.cancel()


async def test_a_flood_of_upgrades_is_answered(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    sending = asyncio.create_task(client.send(request("GET", "/a", b"Connection: Upgrade", b"Upgrade: x") * 1500))
    assert {(await client.answer()).status for _ in range(1500)} == {200}
    await sending
