"""Bodies of requests: never taken for whole when they break off, read no faster than they are wanted, left where nobody
wants them.
"""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from phasegate import Request, Response
from phasegate.errors import ClientClosed, RequestError
from phasegate.limits import Limits
from phasegate.server.http1 import wire
from phasegate.server.serving import Protocol
from tests.http1_client import Client, chunked, request
from tests.integration.http1.conftest import Connect, Listen

MEGABYTE = 1_000_000
# With a short time among the limits the roster looks often.
OFTEN = Limits(body_timeout=0.08)


async def indifferent(received: Request) -> Response:
    """Answer without a look at the body."""
    return Response(200, {}, b"unread")


class Reader:
    """A handler that reads bodies, and notes those that were whole and how the others ended."""

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.failures: list[BaseException] = []
        self.reading = asyncio.Event()

    async def __call__(self, received: Request) -> Response:
        self.reading.set()
        try:
            self.whole.append(b"".join([block async for block in received.body]))
        except BaseException as failure:
            self.failures.append(failure)
            raise
        return Response(200)


BROKEN = {
    "nothing": request("POST", "/", body=b"abc").removesuffix(b"abc"),
    "a part": request("POST", "/", body=b"abcdef").removesuffix(b"ef"),
    "a part of a chunk": chunked(b"abc", last=b"5\r\nde"),
    "no last chunk": chunked(b"abc", last=b""),
    "half a last chunk": chunked(b"abc", last=b"0\r\n"),
    "half a trailer": chunked(b"abc", last=b"0\r\nX: y"),
}
broken = pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())


@broken
@pytest.mark.parametrize("leave", [Client.close, Client.end, Client.reset])
async def test_a_body_that_breaks_off_is_never_taken_for_whole(
    listen: Listen, connect: Connect, mode: Protocol, data: bytes, leave: object
) -> None:
    reader = Reader()
    server = await listen(reader, protocol=mode)
    client = await connect(server)
    await client.send(data)
    await reader.reading.wait()
    leave(client)  # type: ignore[operator]
    assert isinstance(await server.application.ended(), ClientClosed)
    assert (reader.whole, len(reader.failures)) == ([], 1)


@broken
async def test_a_body_that_broke_off_before_anybody_reads_it_is_none(
    listen: Listen, connect: Connect, data: bytes
) -> None:
    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def handler(received: Request) -> Response:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        try:
            outcome.set_result([block async for block in received.body])
        except RequestError as error:
            outcome.set_result(error)
        return Response(200)

    server = await listen(handler)
    client = await connect(server)
    await client.send(data)
    await server.application.begun()
    client.close()
    assert isinstance(await asyncio.wait_for(outcome, 5), ClientClosed)


@pytest.mark.parametrize("size", [1, 60_000, 65_536])
async def test_an_unread_small_body_leaves_the_connection_usable(listen: Listen, connect: Connect, size: int) -> None:
    server = await listen(indifferent)
    client = await connect(server)
    for _ in range(3):
        answer = await client.ask(request("POST", "/", body=bytes(size)))
        assert (answer.status, answer.get("connection")) == (200, None)


async def test_an_unread_small_body_may_come_behind_its_answer(listen: Listen, connect: Connect) -> None:
    server = await listen(indifferent)
    client = await connect(server)
    body = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    await client.ask(request("POST", "/a", body=body).removesuffix(body))
    await client.send(body[:20])
    await asyncio.sleep(0.01)
    await client.ask(body[20:] + request("GET", "/b"))
    assert server.application.paths == ["/a", "/b"]


@pytest.mark.parametrize(
    "head",
    [
        request("POST", "/", b"Content-Length: 65537"),
        request("POST", "/", b"Content-Length: 50000000"),
        chunked(last=b""),
    ],
    ids=["long", "very long", "unknown"],
)
async def test_an_unread_long_or_unknown_body_closes_the_connection(
    listen: Listen, connect: Connect, head: bytes
) -> None:
    client = await connect(await listen(indifferent))
    answer = await client.ask(head)
    assert (answer.get("connection"), answer.body, await client.rest()) == ("close", b"unread", b"")


@pytest.mark.parametrize("size", [2, 100_000])
async def test_an_answer_amid_its_body_says_that_the_connection_closes(
    listen: Listen, connect: Connect, size: int
) -> None:
    """As of an upstream that answers by the request's head, while its body is read from the client."""

    async def hasty(received: Request) -> Response:
        async for _ in received.body:
            break
        return Response(200, {}, bytes(size))

    client = await connect(await listen(hasty))
    answer = await client.ask(request("POST", "/", b"Content-Length: 6") + b"abc")
    assert (answer.get("connection"), len(answer.body), await client.rest()) == ("close", size, b"")


@pytest.mark.parametrize("head", [request("POST", "/", b"Content-Length: 50000000"), chunked(last=b"2faf080\r\n")])
@pytest.mark.parametrize("size", [10, 3 * MEGABYTE])
async def test_a_client_that_is_still_sending_can_read_the_whole_answer(
    listen: Listen, connect: Connect, head: bytes, size: int
) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, bytes(size))

    client = await connect(await listen(handler))
    sending = asyncio.create_task(client.send(head + bytes(20 * MEGABYTE)))
    await asyncio.sleep(0.02)
    answer = await client.answer()
    assert (answer.get("connection"), len(answer.body)) == ("close", size)
    sending.cancel()


async def test_a_client_that_is_still_sending_may_take_its_time_to_read(
    listen: Listen, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, bytes(MEGABYTE))

    monkeypatch.setattr(wire, "_LINGER_SECONDS", 0.02)
    client = await connect(await listen(handler, limits=OFTEN), receive_buffer=32_768)
    sending = asyncio.create_task(client.send(chunked(last=b"2faf080\r\n") + bytes(50 * MEGABYTE)))
    received = 0
    while block := await client.receive(50_000):
        received += len(block)
        await asyncio.sleep(0.005)
    assert received > MEGABYTE
    sending.cancel()


async def test_a_client_that_sends_everything_before_it_reads_gets_its_answer(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(indifferent))
    answer = await client.ask(request("POST", "/", body=bytes(20 * MEGABYTE)))
    assert (answer.status, await client.rest()) == (200, b"")


async def test_a_body_that_is_read_in_part_closes_the_connection_behind_the_answer(
    listen: Listen, connect: Connect
) -> None:
    async def handler(received: Request) -> Response:
        async for _ in received.body:
            break
        return Response(200, {}, b"enough")

    server = await listen(handler)
    client = await connect(server)
    answer = await client.ask(request("POST", "/", body=bytes(MEGABYTE)) + request("GET", "/behind"))
    assert (answer.body, await client.rest(), server.application.paths) == (b"enough", b"", ["/"])


async def test_an_unread_body_stays_outside_the_process(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def handler(received: Request) -> Response:
        await gate.wait()
        return Response.text(str(sum([len(block) async for block in received.body])))

    data = request("POST", "/", body=bytes(50 * MEGABYTE))
    server = await listen(handler)
    client = await connect(server)
    tracemalloc.start()
    sending = asyncio.create_task(client.send(data))
    await server.application.begun()
    assert await client.is_silent(0.1)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gate.set()
    assert (held < MEGABYTE, (await client.answer()).body) == (True, b"50000000")
    await sending


async def test_a_client_that_reads_slowly_slows_the_stream_down(listen: Listen, connect: Connect) -> None:
    made = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(800):
            made += 1
            yield bytes(65_536)

    async def handler(received: Request) -> Response:
        return Response(200, {}, stream())

    client = await connect(await listen(handler), receive_buffer=65_536)
    await client.send(request("GET", "/"))
    before = -1
    while before < made:
        before = made
        await asyncio.sleep(0.05)
    while made == before < 200:
        assert await client.receive()
    assert before < made < 800


async def test_both_directions_stream_at_once(listen: Listen, connect: Connect, mode: Protocol) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, received.body)

    client = await connect(await listen(handler, protocol=mode))
    body = bytes(range(256)) * 20_000
    sending = asyncio.create_task(client.send(request("POST", "/", body=body)))
    assert (await client.answer()).body == body
    await sending


async def test_the_echo_of_a_body_that_breaks_off_breaks_off(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        return Response(200, {}, received.body)

    server = await listen(handler)
    client = await connect(server)
    await client.send(chunked(b"abc", last=b"zz\r\n"))
    received = await client.rest()
    assert (b"3\r\nabc\r\n" in received, received.endswith(b"0\r\n\r\n")) == (True, False)
