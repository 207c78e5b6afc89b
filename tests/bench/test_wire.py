"""Attackers on a socket: they count, they notice their end, and they come again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hyperframe.frame import GoAwayFrame

from bench.abuse.answers import Http1Answers, Http2Answers
from bench.abuse.attacker import attack
from bench.abuse.attacks import ATTACKS, Attack
from bench.abuse.wire import ADDRESS, CutOff, Wire


class Saying(asyncio.Protocol):
    def __init__(self, answer: bytes, addresses: list[str]) -> None:
        self.answer, self.addresses, self.lost = answer, addresses, asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.addresses.append(transport.get_extra_info("peername")[0])

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(self.answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@contextlib.asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[tuple[int, list[str]]]:
    """Answer the same to whatever comes, and end only once every client has gone."""
    addresses: list[str] = []
    connections: list[Saying] = []

    def connection() -> Saying:
        connections.append(Saying(answer, addresses))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], addresses
    for each in connections:
        await asyncio.wait_for(each.lost.wait(), 10)


async def test_a_goaway_cuts_the_attacker_off() -> None:
    answers = Http2Answers()
    async with saying(GoAwayFrame(0, error_code=11).serialize()) as (port, _), Wire.open(port, answers) as wire:
        await wire.send(b"x", 5)
        with pytest.raises(CutOff):
            await wire.until_cut()
        with pytest.raises(CutOff):
            await wire.send(b"x")
    assert (wire.cut, wire.frames, answers.verdict) == (True, 5, "GOAWAY ENHANCE_YOUR_CALM")


async def test_waiting_for_answers_ends_with_them() -> None:
    answers = Http1Answers()
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n") as (port, _), Wire.open(port, answers) as wire:
        await wire.send(b"x")
        await wire.until_over(1)
    assert answers.streams == {"200": 1}


async def test_attackers_come_from_an_address_of_their_own_again_and_again() -> None:
    async def ask(wire: Wire) -> None:
        await wire.send(b"x")
        await wire.until_cut()

    chosen = Attack(name="ask", summary="", assault=ask, connections=2, pause_seconds=0.01, answers=Http1Answers)
    async with saying(b"HTTP/1.1 503 Service Unavailable\r\n\r\n") as (port, addresses):
        tally = await attack(chosen, port, 0.2)
    assert tally.cut >= 4
    assert set(tally.endings) == {"503"}
    assert set(addresses) == {ADDRESS}


def test_attacks_have_names_of_their_own() -> None:
    assert len({each.name for each in ATTACKS}) == len(ATTACKS)
