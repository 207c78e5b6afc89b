"""Answers that are none, and how connections outlive those that are: held against a server that sends bytes as told."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Body, ConnectionOptions, Origin
from phasegate.errors import MalformedResponse, ResponseCut, UpstreamUnreachable
from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.upstream.answers import Answer
from phasegate.upstream.call import Call, CallTimeouts
from phasegate.upstream.client import UpstreamClient

TIMEOUTS = CallTimeouts(connect=5.0, send=5.0, head=5.0, gap=5.0)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    one = UpstreamClient()
    yield one
    await one.close()


def call(upstream: FakeUpstream, method: str = "GET", body: bytes = b"", **options: object) -> Call:
    origin = Origin(upstream.scheme, upstream.address, ConnectionOptions(**options))  # type: ignore[arg-type]
    headers = [(b"host", b"h"), (b"content-length", b"%d" % len(body))] if body else [(b"host", b"h")]
    return Call(method=method, origin=origin, target="/", headers=headers, body=Body(body), timeouts=TIMEOUTS)


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345",
        OK + b"Content-Length: 5, 5\r\n\r\n12345",
        OK + b"Content-Length: +5\r\n\r\n12345",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        OK + b"X: 1\nContent-Length: 0\r\n\r\n",
        OK + b"X: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
        OK + b"X : 1\r\nContent-Length: 0\r\n\r\n",
        OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
        OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
        OK + b": 1\r\nContent-Length: 0\r\n\r\n",
        OK + b"X" * 70_000,
        OK + b"X: 1\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\nContent-Length: 0\r\n\r\n",
        b"\r\n\r\n\r\n\r\nICY 200 OK\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" * 5_000,
    ],
)
async def test_what_two_readers_could_take_differently_is_no_answer(
    client: UpstreamClient, upstream: FakeUpstream, raw: bytes
) -> None:
    upstream.reply(Reply(raw=raw, close=True), Reply(body=b"next"))
    with pytest.raises(MalformedResponse, match=upstream.address):
        await client.send(call(upstream))
    assert (await client.send(call(upstream))).body == b"next"
    assert upstream.connections == 2


@pytest.mark.parametrize(
    "rest",
    [
        b"5 \r\n12345\r\n0\r\n\r\n",
        b"5\n12345\n0\n\n",
        b"0x5\r\n12345\r\n0\r\n\r\n",
        b"+5\r\n12345\r\n0\r\n\r\n",
        b"5\r\n123456\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"5\r\n12345\r\n0\r\nX: " + b"a" * 400_000,
        b"5;" + b"a" * 400_000,
    ],
)
async def test_a_body_in_bad_chunks_is_cut(client: UpstreamClient, upstream: FakeUpstream, rest: bytes) -> None:
    gate = asyncio.Event()
    gate.set()
    upstream.reply(Reply(raw=OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + rest, gate=gate))
    with pytest.raises((MalformedResponse, ResponseCut)):
        await (await client.send(call(upstream))).read()


@pytest.mark.parametrize(
    ("method", "raw", "status", "body"),
    [
        ("HEAD", OK + b"Content-Length: 5\r\n\r\n", 200, b""),
        ("HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n", 200, b""),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (
            "GET",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx",
            200,
            b"x",
        ),
        ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, b"x"),
        ("GET", OK + b"Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 200, b"x"),
        ("GET", b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", 200, b"x"),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx", 200, b"x"),
    ],
)
async def test_answers_that_leave_the_connection_as_good_as_new(
    client: UpstreamClient, upstream: FakeUpstream, method: str, raw: bytes, status: int, body: bytes
) -> None:
    upstream.reply(Reply(raw=raw), Reply(body=b"next"))
    answer = await client.send(call(upstream, method))
    assert (answer.status, await answer.read()) == (status, body)
    assert (await client.send(call(upstream))).body == b"next"
    assert upstream.connections == 1


@pytest.mark.parametrize(
    ("method", "raw", "body"),
    [
        ("GET", OK + b"Content-Length: 1\r\n\r\nx" + OK + b"Content-Length: 6\r\n\r\nforged", b"x"),
        ("GET", OK + b"Content-Length: 1\r\n\r\nxyz", b"x"),
        ("HEAD", OK + b"Content-Length: 3\r\n\r\nxyz", b""),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nxyz", b""),
        ("GET", OK + b"Content-Length: 1\r\nConnection: close\r\n\r\nx", b"x"),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
async def test_a_connection_with_more_on_it_or_none_to_come_carries_no_other_call(
    client: UpstreamClient, upstream: FakeUpstream, method: str, raw: bytes, body: bytes
) -> None:
    upstream.reply(Reply(raw=raw), Reply(body=b"next"))
    answer = await client.send(call(upstream, method))
    assert await answer.read() == body
    assert (await client.send(call(upstream))).body == b"next"
    assert upstream.connections == 2


async def test_an_answer_may_end_with_its_connection(client: UpstreamClient, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=OK + b"\r\nto the end", close=True))
    answer = await client.send(call(upstream))
    assert await answer.read() == b"to the end"


async def test_what_comes_between_two_calls_is_no_answer_to_the_next(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    readers: list[asyncio.StreamReader] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        readers.append(reader)
        writers.append(writer)
        with_body = OK + b"Content-Length: 1\r\n\r\n%d"
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(with_body % len(writers))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    assert (await client.send(call(upstream))).body == b"1"
    writers[0].write(OK + b"Content-Length: 6\r\n\r\nforged")
    await writers[0].drain()
    await _until(readers[0].at_eof)
    assert (await client.send(call(upstream))).body == b"2"
    server.close()
    for writer in writers:
        writer.transport.abort()


@pytest.mark.parametrize(("method", "again"), [("GET", True), ("POST", False)])
async def test_a_safe_request_is_sent_again_where_a_kept_connection_was_closed(
    client: UpstreamClient, upstream: FakeUpstream, method: str, again: bool
) -> None:
    upstream.reply(Reply(body=b"first"), Reply(raw=b"", close=True), Reply(body=b"third"))
    assert (await client.send(call(upstream))).body == b"first"
    if again:
        assert (await client.send(call(upstream, method))).body == b"third"
    else:
        with pytest.raises(UpstreamUnreachable):
            await client.send(call(upstream, method, b"body"))
    assert len(upstream.received) == 2 + again


async def test_a_first_connection_that_is_closed_is_not_tried_again(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(raw=b"", close=True))
    with pytest.raises(UpstreamUnreachable):
        await client.send(call(upstream))
    assert len(upstream.received) == 1


async def test_the_pool_bounds_what_is_idle_and_not_what_is_in_use(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate))
    one = call(upstream, keepalive_pool=2)
    calls = [asyncio.ensure_future(client.send(one)) for _ in range(10)]
    await upstream.arrived(10)
    assert upstream.connections == 10
    gate.set()
    await asyncio.gather(*calls)
    pool = next(iter(client._pools.values()))
    await _until(lambda: len(pool._made) == 2)
    await client.send(one)
    assert upstream.connections == 10


async def test_an_idle_connection_that_is_too_old_is_closed(client: UpstreamClient, upstream: FakeUpstream) -> None:
    await client.send(call(upstream, keepalive_seconds=0.05))
    pool = next(iter(client._pools.values()))
    await _until(lambda: not pool._made)


async def test_an_answer_that_comes_before_the_body_has_left_is_taken(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    never = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"begun"
        await never.wait()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"begun")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    one = call(upstream, "POST")
    one.body = Body.streaming(endless(), None)
    answer = await client.send(one)
    assert (answer.status, await answer.read()) == (413, b"no")
    server.close()


async def test_a_reader_that_does_not_read_makes_the_upstream_wait(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    size = 64 << 20
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(bytes(1 << 20))
            sent += 1 << 20
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    answer = await client.send(call(upstream))
    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.2)
    assert sent < size / 2
    assert sum([len(block) async for block in answer.stream()]) == size
    server.close()


ANSWER = OK + b"A: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nT: 1\r\n\r\n"


@given(st.lists(st.integers(1, len(ANSWER) - 1), max_size=8))
def test_an_answer_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(ANSWER)})
    parts = [ANSWER[start:end] for start, end in itertools.pairwise(places)]

    async def run() -> tuple[int, bytes]:
        async with fake_upstream() as upstream:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                for part in parts:
                    writer.write(part)
                    await asyncio.sleep(0)
                await reader.read()
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            upstream.port = server.sockets[0].getsockname()[1]
            client = UpstreamClient()
            answer: Answer = await client.send(call(upstream))
            result = answer.status, await answer.read()
            await client.close()
            server.close()
            return result

    assert asyncio.run(run()) == (200, b"abcdefgh")


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)
