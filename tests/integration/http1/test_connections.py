"""How many connections there may be, and how old they may grow."""

import asyncio
import socket

import pytest

from phasegate.http.address import parse_networks
from phasegate.limits import Limits
from phasegate.server.serving import Site, serve
from phasegate.server.sockets import BACKLOG
from tests.http1_client import Client, request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Scripted, echo


async def test_one_connection_too_many_is_503_and_the_others_go_on(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(connections=2))
    clients = [await connect(server) for _ in range(2)]
    for client in clients:
        await client.ask(request("GET", "/"))
    answer = await (late := await connect(server)).answer()
    assert (answer.status, answer.get("connection"), await late.rest()) == (503, "close", b"")
    assert [(await client.ask(request("GET", "/"))).status for client in clients] == [200, 200]


async def test_there_is_room_again_once_somebody_has_left(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(connections=1))
    for _ in range(3):
        client = await connect(server)
        assert (await client.ask(request("GET", "/"))).status == 200
        client.close()
        while server.connections:
            await asyncio.sleep(0)


async def test_the_admin_address_answers_when_the_gateway_is_full() -> None:
    socks = [socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for _ in range(2)]
    gateway, admin = (sock.getsockname()[1] for sock in socks)
    sites = [Site(socks[0], Scripted(echo)), Site(socks[1], Scripted(echo), is_admin=True)]
    stopping = asyncio.Event()
    limits = Limits(connections=1, admin_connections=2)
    serving = asyncio.create_task(serve(sites, stopping=stopping, limits=limits, graceful_timeout=0.05))
    clients = []
    statuses = []
    for port in (gateway, gateway, admin, admin, admin):
        clients.append(await Client.to(port))
        await clients[-1].send(request("GET", "/"))
        statuses.append((await clients[-1].answer()).status)
    assert statuses == [200, 503, 200, 200, 503]
    for client in clients:
        client.close()
    stopping.set()
    await serving


async def test_one_connection_too_many_of_an_address_is_503(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(connections_per_address=1))
    client = await connect(server)
    await client.ask(request("GET", "/"))
    assert (await (await connect(server)).answer()).status == 503
    assert (await client.ask(request("GET", "/"))).status == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"limits": Limits(connections_per_address=0)},
        {"limits": Limits(connections_per_address=1), "trusted_proxies": parse_networks(("127.0.0.0/8",))},
    ],
    ids=["no limit", "a trusted proxy"],
)
async def test_an_address_may_have_any_number(listen: Listen, connect: Connect, settings: dict[str, object]) -> None:
    server = await listen(**settings)
    clients = [await connect(server) for _ in range(5)]
    assert {(await client.ask(request("GET", "/"))).status for client in clients} == {200}


async def test_an_old_connection_says_that_it_closes_and_loses_no_request(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(connection_age=1.0))
    client = await connect(server)
    assert (await client.ask(request("GET", "/young"))).get("connection") is None
    await asyncio.sleep(1.01)
    await client.send(request("GET", "/a") + request("GET", "/b") + request("GET", "/c"))
    answers = [await client.answer() for _ in range(3)]
    assert [answer.get("connection") for answer in answers] == [None, None, "close"]
    assert await client.rest() == b""


async def test_an_age_of_zero_is_never_reached(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(connection_age=0)))
    assert (await client.ask(request("GET", "/"))).get("connection") is None
