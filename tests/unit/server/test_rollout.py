"""A change reaches every worker or none, whatever the workers do meanwhile."""

import asyncio
from typing import cast

import pytest

from phasegate import Finding
from phasegate.server.channel import Abort, Commit, Message, Prepare, Prepared, Refused
from phasegate.server.rollout import Rollout
from phasegate.server.slot import Slot


class Recorder:
    """A slot that keeps what it is sent."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.sent: list[Message] = []
        self.news = asyncio.Event()

    def send(self, message: Message) -> None:
        self.sent.append(message)
        self.news.set()

    async def asked(self) -> None:
        async with asyncio.timeout(5):
            while not any(isinstance(message, Prepare) for message in self.sent):
                self.news.clear()
                await self.news.wait()


def three() -> tuple[list[Recorder], list[Slot]]:
    recorders = [Recorder(index) for index in range(3)]
    return recorders, cast("list[Slot]", recorders)


async def test_the_first_worker_is_asked_alone_and_then_all_commit() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = asyncio.create_task(rollout.run({"routes": []}))
    await recorders[0].asked()
    assert not recorders[1].sent
    rollout.answer(slots[0], Prepared(7))
    await recorders[2].asked()
    rollout.answer(slots[1], Prepared(7))
    rollout.answer(slots[2], Prepared(7))
    assert await running == []
    assert [recorder.sent[-1] for recorder in recorders] == [Commit(7)] * 3


async def test_what_the_first_refuses_no_other_is_asked() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = asyncio.create_task(rollout.run({}))
    await recorders[0].asked()
    rollout.answer(slots[0], Refused(7, (Finding("routes[0]", "is wrong"),)))
    assert await running == [Finding("routes[0]", "is wrong")]
    assert recorders[0].sent[-1] == Abort(7)
    assert recorders[1].sent == recorders[2].sent == []


async def test_a_worker_that_dies_over_it_costs_one_worker_and_is_counted() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = asyncio.create_task(rollout.run({}))
    await recorders[0].asked()
    rollout.gone(slots[0])
    assert [str(finding) for finding in await running] == ["worker 0 died while it prepared the change"]
    assert rollout.deaths == 1
    assert not rollout.covers(slots[0])
    assert recorders[1].sent == []


async def test_a_worker_that_dies_after_it_prepared_does_not_hold_the_others_up() -> None:
    recorders, slots = three()
    rollout = Rollout(7, slots)
    running = asyncio.create_task(rollout.run({}))
    await recorders[0].asked()
    rollout.answer(slots[0], Prepared(7))
    await recorders[2].asked()
    rollout.gone(slots[0])
    rollout.answer(slots[1], Prepared(7))
    rollout.answer(slots[2], Prepared(7))
    assert await running == []
    assert recorders[1].sent[-1] == recorders[2].sent[-1] == Commit(7)


async def test_a_worker_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.server.rollout._PREPARE_SECONDS", 0.01)
    recorders, slots = three()
    found = await Rollout(7, slots).run({})
    assert [str(finding) for finding in found] == ["not prepared within 0 s by worker 0"]
    assert recorders[0].sent[-1] == Abort(7)
