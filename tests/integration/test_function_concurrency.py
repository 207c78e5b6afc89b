"""As many calls at a time as a function may have, over sockets: who waits, who is sent away, and when a place is free."""

import asyncio
from typing import Any

import httpx
import pytest

from phasegate.faas.sharing import shared_functions
from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from tests.functions import Functions, route, started
from tests.http1_client import Client
from tests.http2_client import Client as Http2Client
from tests.http2_client import head, reset

REQUEST = b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n"


async def ask(gateway: RunningGateway, path: str = "/") -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.get(f"{gateway.url}{path}")


async def settled(gateway: RunningGateway, waiting: int) -> None:
    """Wait until so many calls wait for their turn."""
    shared = shared_functions(gateway._gateway._client)
    async with asyncio.timeout(10):
        while sum(gate.waiting for gate in shared.gates) != waiting:
            await asyncio.sleep(0.005)


async def asking(gateway: RunningGateway, count: int, path: str = "/") -> list[asyncio.Task[httpx.Response]]:
    """Return so many requests that wait, in the order they came."""
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(ask(gateway, f"{path}{number}")))
        await settled(gateway, number + 1)
    return tasks


def held(upstream: FakeUpstream) -> asyncio.Event:
    """Have the first call answered when the event is set, and all others at once."""
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate, body=b"first"), Reply(body=b"ok"))
    return gate


async def test_without_a_limit_all_calls_are_made_at_once(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate))
    gateway = await started(start_gateway, upstream)
    tasks = [asyncio.create_task(ask(gateway)) for _ in range(10)]
    await upstream.arrived(10)
    gate.set()
    assert {response.status_code for response in await asyncio.gather(*tasks)} == {200}


async def test_calls_beyond_the_limit_wait_and_come_in_in_their_order(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = held(upstream)
    gateway = await started(start_gateway, upstream, max_concurrency=1, queue={"timeout": 20_000})
    first = asyncio.create_task(ask(gateway, "/first"))
    await upstream.arrived(1)
    others = await asking(gateway, 8)
    assert len(upstream.received) == 1
    gate.set()
    assert {response.status_code for response in await asyncio.gather(first, *others)} == {200}
    assert [received.target for received in upstream.received] == ["/first", *(f"/{number}" for number in range(8))]


async def test_there_are_never_more_than_the_limit(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gates = [asyncio.Event() for _ in range(12)]
    upstream.reply(*(Reply(wait=gate) for gate in gates))
    gateway = await started(start_gateway, upstream, max_concurrency=3, queue={"timeout": 20_000})
    tasks = [asyncio.create_task(ask(gateway)) for _ in gates]
    for number, gate in enumerate(gates):
        await upstream.arrived(min(number + 3, len(gates)))
        assert len(upstream.received) <= number + 3
        gate.set()
    assert {response.status_code for response in await asyncio.gather(*tasks)} == {200}


async def test_a_full_queue_answers_503_at_once_and_says_when_to_come_again(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = held(upstream)
    gateway = await started(start_gateway, upstream, max_concurrency=1, queue={"size": 2, "timeout": 20_000})
    tasks = [asyncio.create_task(ask(gateway)) for _ in range(6)]
    async with asyncio.timeout(10):
        while sum(task.done() for task in tasks) < 3:
            await asyncio.sleep(0.005)
    refused = [task.result() for task in tasks if task.done()]
    gate.set()
    responses = await asyncio.gather(*tasks)
    assert sorted(response.status_code for response in responses) == [200] * 3 + [503] * 3
    for response in refused:
        assert (response.json()["code"], response.headers["retry-after"]) == ("overloaded", "20")
    assert len(upstream.received) == 3


async def test_nobody_waits_longer_than_the_queues_timeout(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate = held(upstream)
    gateway = await started(start_gateway, upstream, timeout=20_000, max_concurrency=1, queue={"timeout": 50})
    first = asyncio.create_task(ask(gateway))
    await upstream.arrived(1)
    response = await ask(gateway)
    assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (503, "overloaded", "1")
    gate.set()
    assert (await first).status_code == 200
    assert (await ask(gateway)).status_code == 200


async def test_a_client_that_leaves_while_it_waits_frees_its_place_in_the_queue(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = held(upstream)
    gateway = await started(start_gateway, upstream, max_concurrency=1, queue={"size": 1, "timeout": 20_000})
    first = asyncio.create_task(ask(gateway, "/first"))
    await upstream.arrived(1)
    leaving = await Client.to(gateway.port)
    await leaving.send(REQUEST % 0)
    await settled(gateway, 1)
    leaving.close()
    await settled(gateway, 0)
    staying = await asking(gateway, 1, "/staying")
    gate.set()
    assert [response.status_code for response in await asyncio.gather(first, *staying)] == [200, 200]
    assert [received.target for received in upstream.received] == ["/first", "/staying0"]


async def test_a_client_that_leaves_while_it_is_served_lets_the_next_one_in(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(hang=True), Reply(body=b"ok"))
    gateway = await started(start_gateway, upstream, timeout=20_000, max_concurrency=1, queue={"timeout": 20_000})
    leaving = await Client.to(gateway.port)
    await leaving.send(REQUEST % 0)
    await upstream.arrived(1)
    others = await asking(gateway, 1)
    leaving.close()
    assert (await others[0]).status_code == 200


@pytest.mark.parametrize("reply", [Reply(status=501), Reply(raw=b"", close=True), Reply(status=429), Reply(hang=True)])
async def test_a_call_that_fails_lets_the_next_one_in(
    start_gateway: GatewayMaker, upstream: FakeUpstream, reply: Reply
) -> None:
    upstream.reply(reply, reply, Reply(body=b"ok"))
    gateway = await started(start_gateway, upstream, timeout=300, retry_on_timeout=True, max_concurrency=1)
    assert (await ask(gateway)).status_code >= 429
    async with asyncio.timeout(10):
        while (await ask(gateway)).status_code != 200:
            pass


async def test_a_streamed_answer_holds_its_place_until_it_ends(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"one", b"two"], gate=gate), Reply(body=b"ok"))
    gateway = await started(start_gateway, upstream, idle_timeout=20_000, max_concurrency=1, queue={"timeout": 20_000})
    async with httpx.AsyncClient() as client, client.stream("GET", gateway.url) as streaming:
        blocks = streaming.aiter_bytes()
        assert await anext(blocks) == b"one"
        others = await asking(gateway, 1)
        assert len(upstream.received) == 1
        gate.set()
        assert b"".join([block async for block in blocks]) == b"two"
    assert (await others[0]).text == "ok"


async def test_a_reload_keeps_who_is_in_and_who_waits(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate = held(upstream)
    limits: dict[str, Any] = {"max_concurrency": 1, "queue": {"size": 1, "timeout": 20_000}, "timeout": 20_000}
    gateway = await started(start_gateway, upstream, **limits)
    first = asyncio.create_task(ask(gateway, "/first"))
    await upstream.arrived(1)
    others = await asking(gateway, 1)
    await gateway.reload({"routes": [route(upstream.url, **limits)]})
    assert (await ask(gateway)).status_code == 503
    # Another instance, which calls the same function within the same limits.
    await gateway.reload({"routes": [route(upstream.url, **limits, max_req_body_size=10)]})
    assert (await ask(gateway)).status_code == 503
    gate.set()
    assert [response.status_code for response in await asyncio.gather(first, *others)] == [200, 200]


async def test_routes_to_the_same_function_share_its_places_and_others_have_their_own(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = held(upstream)
    limits: dict[str, Any] = {"max_concurrency": 1, "queue": {"size": 0}, "timeout": 20_000}
    routes = [
        route(f"{upstream.url}/one", "/a/*", **limits),
        route(f"{upstream.url}/one", "/b/*", **limits),
        route(f"{upstream.url}/other", "/c/*", **limits),
    ]
    gateway = await start_gateway({"routes": routes}, [Functions])
    first = asyncio.create_task(ask(gateway, "/a/"))
    await upstream.arrived(1)
    assert [(await ask(gateway, path)).status_code for path in ("/a/", "/b/", "/c/")] == [503, 503, 200]
    gate.set()
    assert (await first).status_code == 200


async def test_http2_streams_wait_alike_and_a_reset_one_frees_its_place(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = held(upstream)
    limits: dict[str, Any] = {"max_concurrency": 1, "queue": {"size": 1, "timeout": 20_000}, "timeout": 20_000}
    gateway = await started(start_gateway, upstream, **limits)
    client = await Http2Client.to(gateway.port)
    client.send(client.headers(1, head("/first")))
    await upstream.arrived(1)
    client.send(client.headers(3, head("/waits")))
    await settled(gateway, 1)
    assert (await client.get(5, head("/refused"))).status == 503
    client.send(reset(3))
    await settled(gateway, 0)
    client.send(client.headers(7, head("/next")))
    await settled(gateway, 1)
    gate.set()
    assert [(await client.answer(stream)).status for stream in (1, 7)] == [200, 200]
    assert [received.target for received in upstream.received] == ["/first", "/next"]
    client.close()
