"""One connection under many calls: none of them hears from another, and none waits for ever."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import uvloop

from phasegate import Body, Origin
from phasegate.errors import ResponseCut, UpstreamTimeout, UpstreamUnreachable
from phasegate.testing import FakeUpstream, Reply
from phasegate.upstream.call import Call, CallTimeouts
from phasegate.upstream.client import UpstreamClient

TIMEOUTS = CallTimeouts(connect=5.0, send=5.0, head=5.0, gap=5.0)
OK = b"HTTP/1.1 200 OK\r\n"
LARGE = bytes(1 << 23)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    one = UpstreamClient()
    yield one
    await one.close()


def call(address: str, method: str = "GET", body: Body | None = None, **times: float | bool) -> Call:
    body = body or Body()
    fields = [(b"host", b"h")]
    if body.length:
        fields.append((b"content-length", b"%d" % body.length))
    timeouts = replace(TIMEOUTS, **times)  # type: ignore[arg-type]
    return Call(method=method, origin=Origin("http", address), target="/", headers=fields, body=body, timeouts=timeouts)


async def test_trailers_are_no_fields_of_the_next_answer(client: UpstreamClient, upstream: FakeUpstream) -> None:
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nSet-Cookie: a\r\nX-Other: b\r\n\r\n"
    upstream.reply(Reply(raw=chunked), Reply(body=b"next"))
    assert await (await client.send(call(upstream.address))).read() == b"x"
    answer = await client.send(call(upstream.address))
    assert upstream.connections == 1
    assert list(answer.headers) == [("content-length", "4")]


async def test_closing_an_answer_that_was_read_ends_nobody_elses_call(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"one"], gate=gate), Reply(body=b"next", wait=gate))
    first = await client.send(call(upstream.address))
    assert first.streams
    gate.set()
    await first.read()
    gate.clear()
    second = asyncio.ensure_future(client.send(call(upstream.address)))
    await upstream.arrived(2)
    first.close()
    gate.set()
    assert await (await second).read() == b"next"
    assert upstream.connections == 1


async def test_an_answer_that_is_read_again_takes_nobody_elses(client: UpstreamClient, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"one"], gate=gate), Reply(body=b"next", wait=gate))
    first = await client.send(call(upstream.address))
    gate.set()
    await first.read()
    gate.clear()
    second = asyncio.ensure_future(client.send(call(upstream.address)))
    await upstream.arrived(2)
    assert await asyncio.wait_for(first.read(), 1) == b""
    gate.set()
    assert await (await second).read() == b"next"


async def test_a_cancelled_call_is_not_made_again(client: UpstreamClient, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(), Reply(hang=True))
    await client.send(call(upstream.address))
    task = asyncio.ensure_future(client.send(call(upstream.address)))
    await upstream.arrived(2)
    (connection,) = next(iter(client._pools.values()))._made
    connection.fail(UpstreamUnreachable("closed"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(upstream.received) == 2


async def test_what_comes_before_the_request_has_left_answers_nothing(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(body=b"first"), Reply(body=b"second"))
    await client.send(call(upstream.address))
    (connection,) = next(iter(client._pools.values()))._idle
    task = asyncio.ensure_future(client.send(call(upstream.address)))
    await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    assert await (await task).read() == b"second"
    assert (upstream.connections, len(upstream.received)) == (2, 2)


async def test_an_upstream_that_answers_and_reads_no_more_keeps_no_connection(client: UpstreamClient) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")

    async with serving(refuse) as address:
        assert (await client.send(call(address, "POST", Body(LARGE)))).status == 413
        await until(lambda: not next(iter(client._pools.values()))._made)


async def test_the_gap_is_minded_while_the_body_still_leaves(client: UpstreamClient) -> None:
    more, taken = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        await more.wait()
        yield LARGE
        taken.set()
        await asyncio.Event().wait()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"begun")
        writer.write(OK + b"Content-Length: 9\r\n\r\nfirst")
        await more.wait()
        while await reader.read(1 << 20):
            pass

    async with serving(serve) as address:
        answer = await client.send(call(address, "POST", Body.streaming(body(), None), gap=0.5))
        stream = answer.stream()
        assert await anext(stream) == b"first"
        more.set()
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(anext(stream), 4)
        assert taken.is_set()
        answer.close()


async def test_a_heads_time_from_the_start_is_minded_while_the_body_still_leaves(client: UpstreamClient) -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with serving(ignore) as address:
        one = call(address, "POST", Body(LARGE), send=30.0, head=0.2, head_from_start=True)
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(client.send(one), 4)


async def test_an_answer_that_was_a_long_first_read_leaves_its_connection_in_use(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(raw=OK + b"Content-Length: 100000\r\n\r\n" + bytes(100_000)), Reply(body=b"next"))
    for size in (100_000, 4):
        assert len(await (await client.send(call(upstream.address))).read()) == size
    assert upstream.connections == 1


async def test_an_idle_connection_holds_nothing_of_its_last_answer(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(body=bytes(50_000)))
    assert len(await (await client.send(call(upstream.address))).read()) == 50_000
    (connection,) = next(iter(client._pools.values()))._idle
    assert (connection._blocks, connection._size) == ([], 0)


async def test_a_connection_is_kept_from_the_end_of_its_call_on(client: UpstreamClient, upstream: FakeUpstream) -> None:
    gate, loop = asyncio.Event(), asyncio.get_running_loop()
    upstream.reply(Reply(wait=gate))
    loop.call_later(0.5, gate.set)
    await client.send(call(upstream.address))
    (connection,) = next(iter(client._pools.values()))._idle
    assert 59.75 < connection.deadline - loop.time() <= 60.0


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_came_before_a_failure_is_read(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 10000000\r\n\r\n" + bytes(1 << 22))

    async def read() -> None:
        client = UpstreamClient()
        async with serving(serve) as address:
            answer = await client.send(call(address))
            (connection,) = next(iter(client._pools.values()))._made
            await until(lambda: connection._paused)
            connection.fail(ResponseCut("broken off"))
            await until(lambda: not client._pools or not next(iter(client._pools.values()))._made)
            stream = answer.stream()
            assert await anext(stream)
            with pytest.raises(ResponseCut):
                await anext(stream)
            answer.close()
        await client.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(read())


async def test_an_answer_that_closing_breaks_off_is_not_taken_for_whole(upstream: FakeUpstream) -> None:
    client = UpstreamClient()
    upstream.reply(Reply(raw=OK + b"\r\nto the end"))
    stream = (await client.send(call(upstream.address))).stream()
    assert await anext(stream) == b"to the end"
    await client.close()
    with pytest.raises(ResponseCut):
        await anext(stream)


async def test_a_connection_that_is_made_while_the_client_closes_carries_nothing(upstream: FakeUpstream) -> None:
    client = UpstreamClient()
    upstream.reply(Reply(hang=True))
    one = asyncio.ensure_future(client.send(call(upstream.address)))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(UpstreamUnreachable):
        await asyncio.wait_for(one, 4)


async def test_after_closing_times_still_hold(upstream: FakeUpstream) -> None:
    client = UpstreamClient()
    upstream.reply(Reply(hang=True))
    one = asyncio.ensure_future(client.send(call(upstream.address)))
    await upstream.arrived()
    await client.close()
    with pytest.raises(UpstreamUnreachable):
        await one
    with pytest.raises(UpstreamTimeout):
        await asyncio.wait_for(client.send(call(upstream.address, head=0.1)), 4)
    await client.close()


async def test_a_name_that_none_can_be_is_nobody_there(client: UpstreamClient) -> None:
    with pytest.raises(UpstreamUnreachable) as raised:
        await client.send(call("a..b"))
    assert not raised.value.sent


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(4):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """Run a server that reads little by itself; yield its address."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1024)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in writers:
        writer.transport.abort()
