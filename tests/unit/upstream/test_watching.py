"""Calls that are watched, and those beside them that are not."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from phasegate import Response
from phasegate.errors import UpstreamUnreachable
from phasegate.testing import FakeUpstream, Reply
from phasegate.upstream.client import UpstreamClient
from phasegate.upstream.watching import Watch


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    client = UpstreamClient()
    yield client
    await client.close()


async def test_a_call_is_seen_with_its_status_and_its_new_connection(
    client: UpstreamClient, upstream: FakeUpstream
) -> None:
    watch = Watch()
    with client.watched(watch):
        await client.fetch(f"{upstream.url}/a?b=c")
    (one,) = watch.calls
    assert (one.call.target, one.status, one.error) == ("/a?b=c", 200, None)
    assert one.seconds is not None
    assert [seconds <= one.seconds for seconds in one.connected] == [True]


async def test_a_kept_connection_is_told_from_a_new_one(client: UpstreamClient, upstream: FakeUpstream) -> None:
    watch = Watch()
    await client.fetch(upstream.url)
    with client.watched(watch):
        await client.fetch(upstream.url)
    assert [one.connected for one in watch.calls] == [[]]


async def test_a_call_that_fails_is_seen_with_its_error(client: UpstreamClient) -> None:
    watch = Watch()
    with client.watched(watch), pytest.raises(UpstreamUnreachable):
        await client.fetch("http://127.0.0.1:1/")
    (one,) = watch.calls
    assert isinstance(one.error, UpstreamUnreachable)
    assert len(one.connected) == 1


async def test_nobody_else_s_calls_are_seen(client: UpstreamClient, upstream: FakeUpstream) -> None:
    begin, gate, watch = asyncio.Event(), asyncio.Event(), Watch()
    upstream.reply(Reply(wait=gate))

    async def other() -> Response:
        await begin.wait()
        return await client.fetch(f"{upstream.url}/other")

    task = asyncio.create_task(other())
    with client.watched(watch):
        begin.set()
        mine = asyncio.create_task(client.fetch(f"{upstream.url}/mine"))
        await upstream.arrived(2)
        gate.set()
        await mine
    await task
    assert [one.call.target for one in watch.calls] == ["/mine"]


async def test_a_client_that_nobody_watches_any_more_sends_as_ever(client: UpstreamClient) -> None:
    with client.watched(Watch()), client.watched(Watch()):
        pass
    assert client.send.__func__ is UpstreamClient.send  # type: ignore[attr-defined]
