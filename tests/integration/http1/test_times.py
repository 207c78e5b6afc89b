"""A client that takes its time loses its own request, and no other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from phasegate import Request, Response
from phasegate.errors import ClientClosed
from phasegate.limits import Limits
from phasegate.server.http1 import wire
from tests.http1_client import chunked, request, trickle
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Handler, echo

# Both loops have the same clock, and waiting twice shows nothing more.
pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

MEGABYTE = 1_000_000
# A time that a loaded machine does not take for what is done at once, and one that is longer.
LONG, LONGER = 1.0, 1.4
BEGUN = b"GET / HTTP/1.1\r\nHost: h\r\n"


def large(size: int, *, streams: bool) -> Handler:
    """Return a handler that answers so many bytes, at once or block by block."""

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(size // 50_000):
            yield bytes(50_000)

    async def handler(received: Request) -> Response:
        return Response(200, {}, stream() if streams else bytes(size))

    return handler


@pytest.mark.parametrize("data", [b"G", b"GET / HT", BEGUN, BEGUN + b"X: y"])
async def test_a_head_that_takes_too_long_is_408(listen: Listen, connect: Connect, data: bytes) -> None:
    client = await connect(await listen(limits=Limits(head_timeout=0.05)))
    answer = await client.ask(data)
    assert (answer.status, answer.get("connection"), await client.rest()) == (408, "close", b"")


async def test_a_head_that_comes_slowly_is_408_though_it_never_stops(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_timeout=0.1)))
    assert (await trickle(client, request("GET", "/" + "a" * 500))).status == 408


async def test_the_second_head_of_a_connection_has_its_time_too(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_timeout=0.1)))
    assert (await client.ask(request("GET", "/"))).status == 200
    assert (await trickle(client, request("GET", "/" + "a" * 500))).status == 408


async def test_a_head_that_began_behind_a_slow_answer_has_its_whole_time(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def handler(received: Request) -> Response:
        await gate.wait()
        return Response(200)

    client = await connect(await listen(handler, limits=Limits(head_timeout=0.1)))
    await client.send(request("GET", "/") + BEGUN)
    assert await client.is_silent(0.2)
    gate.set()
    assert [(await client.answer()).status for _ in range(2)] == [200, 408]


@pytest.mark.parametrize("before", [b"", request("GET", "/"), b"\r\n\r\n"], ids=["fresh", "used", "empty lines"])
async def test_a_connection_without_a_request_is_closed_without_a_word(
    listen: Listen, connect: Connect, before: bytes
) -> None:
    client = await connect(await listen(limits=Limits(idle_timeout=LONG, head_timeout=LONG)))
    await client.send(before)
    if before.startswith(b"GET"):
        await client.answer()
    assert await client.rest() == b""


async def test_a_connection_that_is_used_is_not_idle(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(idle_timeout=LONG)))
    for _ in range(6):
        assert (await client.ask(request("GET", "/"))).status == 200
        await asyncio.sleep(LONGER / 6)


async def test_a_slow_application_is_not_idle(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        await asyncio.sleep(LONGER)
        return Response(200)

    limits = Limits(idle_timeout=LONG, head_timeout=LONG, body_timeout=LONG, write_timeout=LONG)
    client = await connect(await listen(handler, limits=limits))
    assert (await client.ask(request("POST", "/", body=b"abc"))).status == 200


@pytest.mark.parametrize(
    "data",
    [
        request("POST", "/", b"Content-Length: 9"),
        request("POST", "/", b"Content-Length: 9") + b"abc",
        chunked(last=b""),
        chunked(b"abc", last=b""),
        chunked(b"abc", last=b"9\r\nab"),
        chunked(b"abc", last=b"0\r\n"),
    ],
)
async def test_a_body_that_somebody_waits_for_too_long_is_408(listen: Listen, connect: Connect, data: bytes) -> None:
    client = await connect(await listen(limits=Limits(body_timeout=0.05)))
    answer = await client.ask(data)
    assert (answer.status, answer.get("connection"), await client.rest()) == (408, "close", b"")


async def test_a_body_that_nobody_waits_for_has_all_the_time(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def handler(received: Request) -> Response:
        await gate.wait()
        return await echo(received)

    client = await connect(await listen(handler, limits=Limits(body_timeout=LONG)))
    await client.send(request("POST", "/", body=b"abcdef").removesuffix(b"def"))
    assert await client.is_silent(LONGER)
    gate.set()
    assert (await client.ask(b"def")).body == b"abcdef"


async def test_a_body_whose_parts_come_in_time_may_take_longer(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(body_timeout=LONG, body_rate=1)))
    await client.send(request("POST", "/", b"Content-Length: 9"))
    assert (await trickle(client, b"012345678", LONGER / 9)).body == b"012345678"


async def test_a_body_that_comes_too_slowly_on_average_is_408(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(body_timeout=0.1, body_rate=10_000)))
    await client.send(request("POST", "/", b"Content-Length: 1000"))
    assert (await trickle(client, bytes(200))).status == 408


async def test_no_rate_is_asked_of_bodies_where_none_is_set(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(body_timeout=LONG, body_rate=0)))
    await client.send(request("POST", "/", b"Content-Length: 9"))
    assert (await trickle(client, bytes(9), LONGER / 9)).status == 200


@pytest.mark.parametrize("streams", [False, True], ids=["bytes", "stream"])
async def test_a_client_that_takes_nothing_is_cut(listen: Listen, connect: Connect, streams: bool) -> None:
    server = await listen(large(20 * MEGABYTE, streams=streams), limits=Limits(write_timeout=0.1))
    client = await connect(server, receive_buffer=4096)
    await client.send(request("GET", "/"))
    assert isinstance(await server.application.ended(), ClientClosed)
    assert server.connections == 0


@pytest.mark.parametrize("streams", [False, True], ids=["bytes", "stream"])
async def test_a_client_that_takes_something_all_the_time_is_not_cut(
    listen: Listen, connect: Connect, streams: bool
) -> None:
    server = await listen(large(20 * MEGABYTE, streams=streams), limits=Limits(write_timeout=LONG))
    client = await connect(server, receive_buffer=32_768)
    await client.send(request("GET", "/"))
    taken = 0
    for _ in range(15):
        taken += len(await client.receive(100_000))
        await asyncio.sleep(LONGER / 15)
    assert (taken < 10 * MEGABYTE, server.application.ends, server.connections) == (True, [], 1)


@pytest.mark.parametrize("body", [bytes(9), b""], ids=["nothing is due", "a body is due"])
async def test_the_end_of_an_answer_waits_for_a_client_that_takes_something_all_the_time(
    listen: Listen, connect: Connect, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_LINGER_SECONDS", 0.02)
    server = await listen(large(60_000, streams=False), limits=Limits(write_timeout=LONG), send_buffer=16_384)
    client = await connect(server, receive_buffer=4096)
    await client.send(request("POST", "/", b"Connection: close", b"Content-Length: 9") + body)
    await server.application.ended()
    taken = 0
    for _ in range(20):
        taken += len(await client.receive(1024))
        await asyncio.sleep(LONGER / 20)
    assert taken + len(await client.rest()) > 60_000


async def test_a_client_that_takes_too_little_on_average_is_cut(listen: Listen, connect: Connect) -> None:
    limits = Limits(write_timeout=0.2, body_rate=10 * MEGABYTE)
    server = await listen(large(20 * MEGABYTE, streams=True), limits=limits)
    client = await connect(server, receive_buffer=32_768)
    await client.send(request("GET", "/"))
    ending = asyncio.create_task(server.application.ended())
    while not ending.done():
        await client.receive(20_000)
        await asyncio.sleep(0.02)
    assert isinstance(await ending, ClientClosed)


async def test_a_head_of_one_letter_that_takes_too_long_is_408(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_timeout=0.05)))
    assert (await client.ask(b"P")).status == 408
