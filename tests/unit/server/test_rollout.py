"""A change reaches every worker or none, whatever the workers do meanwhile."""

import asyncio
from typing import cast

import pytest

from phasegate import Finding
from phasegate.server.channel import Abort, Commit, Committed, Message, Prepare, Prepared, Refused
from phasegate.server.rollout import Rollout
from phasegate.server.slot import Slot
from phasegate.server.state import State, applied

FORMER = State({"routes": [{"id": "a"}]})
LATTER = State({"routes": [FORMER.document["routes"][0], {"id": "b"}]})


class Recorder:
    """A slot that keeps what it is sent."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.generation = 6
        self.is_leaving = False
        self.lives = True
        self.sent: list[Message] = []
        self.news = asyncio.Event()

    def send(self, message: Message) -> None:
        self.sent.append(message)
        self.news.set()

    async def tell(self, message: Message) -> None:
        self.send(message)

    async def got(self, kind: type[Message]) -> Message:
        async with asyncio.timeout(5):
            while not (found := [message for message in self.sent if isinstance(message, kind)]):
                self.news.clear()
                await self.news.wait()
        return found[-1]


def three() -> tuple[list[Recorder], list[Slot]]:
    recorders = [Recorder(index) for index in range(3)]
    return recorders, cast("list[Slot]", recorders)


def preparing(rollout: Rollout) -> asyncio.Task[list[Finding]]:
    return asyncio.create_task(rollout.prepare(FORMER, LATTER, since=6))


async def all_prepared(rollout: Rollout, recorders: list[Recorder], slots: list[Slot]) -> None:
    running = preparing(rollout)
    await recorders[0].got(Prepare)
    rollout.answer(slots[0], Prepared(7))
    await recorders[2].got(Prepare)
    rollout.answer(slots[1], Prepared(7))
    rollout.answer(slots[2], Prepared(7))
    assert await running == []


async def test_the_first_worker_is_asked_alone_and_then_all_commit() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = preparing(rollout)
    await recorders[0].got(Prepare)
    assert not recorders[1].sent
    rollout.answer(slots[0], Prepared(7))
    await recorders[2].got(Prepare)
    rollout.answer(slots[1], Prepared(7))
    rollout.answer(slots[2], Prepared(7))
    assert await running == []
    committing = asyncio.create_task(rollout.commit())
    for recorder, slot in zip(recorders, slots, strict=True):
        assert await recorder.got(Commit) == Commit(7)
        rollout.answer(slot, Committed(7))
    assert await committing == []


async def test_a_worker_that_serves_the_former_state_is_told_the_difference_alone() -> None:
    recorders, slots = three()
    recorders[0].generation = 3
    rollout = Rollout(7, slots)
    running = preparing(rollout)
    whole = cast("Prepare", await recorders[0].got(Prepare))
    assert whole.whole
    assert applied(State(), whole.difference) == LATTER
    rollout.answer(slots[0], Prepared(7))
    small = cast("Prepare", await recorders[1].got(Prepare))
    assert not small.whole
    assert small.difference.document == {"routes": [0, {"id": "b"}]}
    running.cancel()


async def test_what_the_first_refuses_no_other_is_asked() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = preparing(rollout)
    await recorders[0].got(Prepare)
    rollout.answer(slots[0], Refused(7, (Finding("routes[0]", "is wrong"),)))
    assert await running == [Finding("routes[0]", "is wrong")]
    rollout.abort()
    assert recorders[0].sent[-1] == Abort(7)
    assert recorders[1].sent == recorders[2].sent == []


async def test_a_worker_that_dies_over_it_costs_one_worker_and_is_counted() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = preparing(rollout)
    await recorders[0].got(Prepare)
    rollout.gone(slots[0])
    assert [str(finding) for finding in await running] == ["worker 0 died while it prepared the change"]
    assert rollout.deaths == 1
    assert not rollout.covers(slots[0])
    assert recorders[1].sent == []


async def test_a_worker_that_dies_after_it_prepared_does_not_hold_the_others_up() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    await all_prepared(rollout, recorders, slots)
    rollout.gone(slots[0])
    committing = asyncio.create_task(rollout.commit())
    for recorder, slot in list(zip(recorders, slots, strict=True))[1:]:
        await recorder.got(Commit)
        rollout.answer(slot, Committed(7))
    assert await committing == []
    assert Commit(7) not in recorders[0].sent


async def test_a_worker_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.server.rollout._PREPARE_SECONDS", 0.01)
    _, slots = three()
    rollout = Rollout(7, slots)
    found = await preparing(rollout)
    assert [str(finding) for finding in found] == ["not prepared within 0 s by worker 0"]
    assert rollout.late == slots[:1]


async def test_workers_that_do_not_say_that_they_serve_it_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    await all_prepared(rollout, recorders, slots)
    monkeypatch.setattr("phasegate.server.rollout._COMMIT_SECONDS", 0.05)
    committing = asyncio.create_task(rollout.commit())
    await recorders[1].got(Commit)
    rollout.answer(slots[1], Committed(7))
    assert await committing == [0, 2]


async def test_those_that_leave_are_asked_last_and_it_goes_on_without_them() -> None:
    recorders, slots = three()
    recorders[1].is_leaving = recorders[2].is_leaving = True
    rollout = Rollout(7, slots[:1], slots[1:])
    running = preparing(rollout)
    await recorders[0].got(Prepare)
    assert not recorders[1].sent
    rollout.answer(slots[0], Prepared(7))
    await recorders[2].got(Prepare)
    rollout.answer(slots[1], Refused(7, (Finding("routes[0]", "unknown plugin"),)))
    rollout.gone(slots[2])
    assert await running == []
    assert [rollout.covers(slot) for slot in slots] == [True, False, False]


async def test_one_that_leaves_while_others_prepare_is_not_waited_for() -> None:
    recorders, slots = three()
    recorders[2].is_leaving = True
    rollout = Rollout(7, slots[:1], slots[2:])
    running = preparing(rollout)
    await recorders[0].got(Prepare)
    recorders[2].lives = False
    rollout.gone(slots[2])
    rollout.answer(slots[0], Prepared(7))
    async with asyncio.timeout(5):
        assert await running == []
    assert not recorders[2].sent
