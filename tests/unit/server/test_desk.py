"""A worker's desk hands on what it is asked, and leaves nobody waiting."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from phasegate.admin.desk import Proposal
from phasegate.server.channel import Answered, Channel, Propose
from phasegate.server.desk import WorkerDesk
from phasegate.server.state import State
from phasegate.store.records import Contents, Record, Revision, StoreUnavailable, Write

PROPOSAL = Proposal((Write("routes", "1", {"uri": "/a"}),), {}, "tests", "a test")


@pytest.fixture
async def channels() -> AsyncIterator[tuple[Channel, Channel]]:
    """The worker's end of the line, and the supervisor's."""
    ours, theirs = [await Channel.over(end) for end in socket.socketpair()]
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def desk(channels: tuple[Channel, Channel]) -> WorkerDesk:
    return WorkerDesk(channels[0], State, "routes.yaml", writable=True)


@pytest.fixture
def supervisor(channels: tuple[Channel, Channel]) -> Channel:
    return channels[1]


async def test_a_proposal_is_answered(desk: WorkerDesk, supervisor: Channel) -> None:
    asking = asyncio.create_task(desk.propose(PROPOSAL))
    question = await supervisor.receive()
    assert isinstance(question, Propose)
    revision = Revision(1, 0.0, "tests", "a test", ())
    desk.answered(Answered(question.ticket, revision))
    assert await asking == revision


async def test_what_was_not_answered_is_given_up_when_it_closes(desk: WorkerDesk, supervisor: Channel) -> None:
    asking = asyncio.create_task(desk.propose(PROPOSAL))
    await supervisor.receive()
    desk.close()
    with pytest.raises(StoreUnavailable, match="not known"):
        await asking


async def test_once_it_is_closed_nothing_is_asked(desk: WorkerDesk) -> None:
    desk.close()
    with pytest.raises(StoreUnavailable, match="the gateway ends"):
        await asyncio.wait_for(desk.propose(PROPOSAL), 5)


def test_what_it_shows_is_what_the_store_holds(channels: tuple[Channel, Channel]) -> None:
    record = Record("routes", "1", {"uri": "/a"}, 4, 4)
    stored = Contents(4, {record.key: record})
    served = State({"routes": []}, {}, 3).behind(stored)
    view = WorkerDesk(channels[0], lambda: served, "routes.yaml", writable=True).view
    assert (view.document, view.records, view.revision) == (served.document, stored.records, 4)
