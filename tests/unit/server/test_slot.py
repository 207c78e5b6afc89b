"""A slot tells the worker of now from the one before it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest

from phasegate.server.channel import Answered, Channel, Commit
from phasegate.server.slot import Slot, SlotOwner


@pytest.fixture
async def lines() -> AsyncIterator[list[tuple[Channel, Channel]]]:
    """Two lines, with the supervisor's end and the worker's."""
    pairs = [socket.socketpair() for _ in range(2)]
    lines = [(await Channel.over(ours), await Channel.over(theirs)) for ours, theirs in pairs]
    yield lines
    for ours, theirs in lines:
        ours.close()
        theirs.close()


async def test_an_answer_reaches_the_worker_that_asked_and_none_after_it(lines: list[tuple[Channel, Channel]]) -> None:
    (first, asked), (second, other) = lines
    slot = Slot(0, "asyncio", cast("SlotOwner", None))
    slot._channel = first
    reply = slot.line()
    slot._channel = second
    await reply(Answered(1, []))
    slot.send(Commit(2))
    assert await asyncio.wait_for(asked.receive(), 5) == Answered(1, [])
    assert await asyncio.wait_for(other.receive(), 5) == Commit(2)


async def test_an_answer_to_nobody_is_dropped() -> None:
    await Slot(0, "asyncio", cast("SlotOwner", None)).line()(Answered(1, []))


class NoSockets:
    """An owner that has nothing to inherit, and nothing to serve."""

    def descriptors(self, _: Slot) -> list[int]:
        return []


async def test_a_process_that_was_launched_for_nothing_is_ended() -> None:
    slot = Slot(0, "asyncio", cast("SlotOwner", NoSockets()))
    await slot.discard()
    await slot.launch()
    process = slot._process
    assert process is not None
    assert process.returncode is None
    await slot.discard()
    assert process.returncode == -signal.SIGKILL
