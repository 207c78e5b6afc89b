"""A connection that ends, by whichever end: it carries no call any more, and none waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from phasegate import Body, Origin
from phasegate.errors import UpstreamUnreachable
from phasegate.testing import FakeUpstream, Reply
from phasegate.upstream.answers import Answer
from phasegate.upstream.call import Call, CallTimeouts
from phasegate.upstream.client import UpstreamClient
from phasegate.upstream.connection import UpstreamConnection
from phasegate.upstream.pool import Pool


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    one = UpstreamClient()
    yield one
    await one.close()


def call(address: str) -> Call:
    timeouts = CallTimeouts(connect=5.0, send=5.0, head=5.0, gap=5.0)
    origin, fields = Origin("http", address), [(b"host", b"h")]
    return Call(method="GET", origin=origin, target="/", headers=fields, body=Body(), timeouts=timeouts)


def pool_of(client: UpstreamClient) -> Pool:
    return next(iter(client._pools.values()))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(4):
        while not condition():
            await asyncio.sleep(0.01)


def _closed_by_upstream(connection: UpstreamConnection) -> None:
    connection.eof_received()
    connection.transport.close()


def _aborted(connection: UpstreamConnection) -> None:
    connection.abort()


def _broken(connection: UpstreamConnection) -> None:
    # What the loop does by itself: the connection hears of it later.
    connection.transport.abort()


def _failed(connection: UpstreamConnection) -> None:
    connection.fail(UpstreamUnreachable("closed"))


def _sent_too_much(connection: UpstreamConnection) -> None:
    connection.data_received(b"HTTP/1.1 200 OK\r\n")


async def _whole_and_unread(client: UpstreamClient, upstream: FakeUpstream) -> tuple[Answer, UpstreamConnection]:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"one"], gate=gate), Reply(body=b"next"))
    answer = await client.send(call(upstream.address))
    (connection,) = pool_of(client)._made
    gate.set()
    await until(lambda: connection.complete)
    return answer, connection


@pytest.mark.parametrize("end", [_closed_by_upstream, _aborted, _broken, _failed])
async def test_a_request_that_has_not_left_when_its_connection_ends_takes_another(
    client: UpstreamClient, upstream: FakeUpstream, end: Callable[[UpstreamConnection], object]
) -> None:
    upstream.reply(Reply(body=b"first"), Reply(body=b"second"))
    await client.send(call(upstream.address))
    (connection,) = pool_of(client)._idle
    task = asyncio.ensure_future(client.send(call(upstream.address)))
    await asyncio.sleep(0)
    end(connection)
    assert await (await asyncio.wait_for(task, 1)).read() == b"second"
    assert (upstream.connections, len(upstream.received)) == (2, 2)


@pytest.mark.parametrize("end", [_closed_by_upstream, _aborted, _failed, _sent_too_much])
async def test_a_connection_that_ended_before_its_answer_was_read_is_not_kept(
    client: UpstreamClient, upstream: FakeUpstream, end: Callable[[UpstreamConnection], object]
) -> None:
    answer, connection = await _whole_and_unread(client, upstream)
    end(connection)
    assert await answer.read() == b"one"
    assert not pool_of(client)._idle
    await until(lambda: not pool_of(client)._made)


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_connection_that_broke_before_its_answer_was_read_carries_nothing(
    client: UpstreamClient, upstream: FakeUpstream, *, is_lost: bool
) -> None:
    answer, connection = await _whole_and_unread(client, upstream)
    pool = pool_of(client)
    _broken(connection)
    if is_lost:
        await until(lambda: not pool._made)
    assert await answer.read() == b"one"
    # One that is not lost yet is passed over, and taken out when it is.
    assert not is_lost or not pool._idle
    assert pool.take() is None
    await until(lambda: not pool._made)
