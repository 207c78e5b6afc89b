"""The line between supervisor and worker carries large messages without standing still for them."""

import asyncio
import pickle
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from phasegate.server.channel import Answered, Channel, Prepare
from phasegate.server.state import State, difference
from phasegate.store.records import Change, Record, Revision


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Channel, Channel]]:
    """Both ends of a line."""
    one, other = [await Channel.over(end) for end in socket.socketpair()]
    yield one, other
    one.close()
    other.close()


def answered(count: int) -> Answered:
    changes = (Change(None, Record("routes", str(number), {"uri": "/" + "x" * 100}, 1, 1)) for number in range(count))
    return Answered(1, [Revision(1, 0.0, "ops", "", tuple(changes))])


def prepare(count: int) -> Prepare:
    records = {("routes", str(n)): Record("routes", str(n), {"uri": "/" + "x" * 100}, 1, 1) for n in range(count)}
    return Prepare(1, difference(State(), State(records=records)))


@pytest.mark.parametrize("make", [answered, prepare])
@pytest.mark.parametrize(("count", "aside"), [(1, False), (3000, True)])
async def test_what_is_large_is_packed_and_unpacked_beside_the_event_loop(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch, make: Any, count: int, aside: bool
) -> None:
    threads = []

    def noting(real: Any) -> Any:
        def noted(data: Any) -> Any:
            threads.append(threading.current_thread())
            return real(data)

        return noted

    monkeypatch.setattr(pickle, "dumps", noting(pickle.dumps))
    monkeypatch.setattr(pickle, "loads", noting(pickle.loads))
    receiving = asyncio.create_task(ends[1].receive())
    await ends[0].tell(make(count))
    assert await receiving == make(count)
    assert [thread is not threading.main_thread() for thread in threads] == [aside, aside]


async def test_what_is_sent_behind_a_large_message_comes_behind_it(ends: tuple[Channel, Channel]) -> None:
    await ends[0].tell(answered(3000))
    await ends[0].tell(answered(1))
    assert [await ends[1].receive() for _ in range(2)] == [answered(3000), answered(1)]
