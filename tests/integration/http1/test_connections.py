"""How many connections there may be, and how old they may grow."""

import asyncio

import pytest

from phasegate.http.address import parse_networks
from phasegate.limits import Limits
from tests.http1_client import request
from tests.integration.http1.conftest import Connect, Listen


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
