"""A state that all workers prepared is made to last, then served by all; anything else changes nothing."""

import asyncio
from typing import cast

import pytest

from phasegate import Finding
from phasegate.errors import ConfigError
from phasegate.server.channel import Refused
from phasegate.server.distribution import NotPrepared
from phasegate.server.slot import Slot
from phasegate.server.state import State
from phasegate.store.records import Conflict
from tests.crew import Obedient, crew

BEFORE = State({"routes": [{"id": "a"}]})
AFTER = State({"routes": [BEFORE.document["routes"][0], {"id": "b"}]})


async def test_every_worker_serves_what_was_brought() -> None:
    distribution, workers = crew(3, BEFORE)
    assert await distribution.bring(AFTER) == []
    assert [worker.state for worker in workers] == [AFTER] * 3
    assert distribution.state is AFTER


async def test_it_is_written_after_all_prepared_it_and_before_any_serves_it() -> None:
    distribution, workers = crew(2, BEFORE)
    served: list[State] = []

    async def write() -> None:
        served.extend(worker.state for worker in workers)

    await distribution.bring(AFTER, write)
    assert served == [BEFORE, BEFORE]


async def test_what_can_not_be_written_is_served_by_nobody() -> None:
    distribution, workers = crew(2, BEFORE)

    async def write() -> None:
        raise Conflict("the store has moved on")

    with pytest.raises(Conflict):
        await distribution.bring(AFTER, write)
    assert await distribution.bring(BEFORE) == []
    assert [worker.state for worker in workers] == [BEFORE] * 2
    assert [worker.aborted for worker in workers] == [[1], [1]]


async def test_what_one_worker_refuses_is_served_by_nobody() -> None:
    distribution, workers = crew(2, BEFORE)
    workers[1].refuses = Finding("routes[1]", "can't be opened")
    with pytest.raises(ConfigError, match="can't be opened"):
        await distribution.bring(AFTER)
    assert distribution.state is BEFORE
    assert [worker.state for worker in workers] == [BEFORE] * 2


async def test_a_worker_that_starts_while_a_change_is_made_takes_requests_once_it_serves_that() -> None:
    distribution, workers = crew(2, BEFORE)
    workers[1].start()
    await distribution.bring(AFTER)
    workers[1].has_started()
    assert (workers[1].ready, workers[1].state) == (False, BEFORE)
    await until_ready(workers[1])
    assert workers[1].state == AFTER


async def test_a_change_overtakes_nobody_that_was_let_in_meanwhile() -> None:
    distribution, workers = crew(2, BEFORE)
    workers[1].start()

    async def write() -> None:
        workers[1].has_started()
        assert workers[1].ready

    await distribution.bring(AFTER, write)
    assert workers[1].state == AFTER


async def test_a_worker_that_still_prepares_a_change_when_the_next_is_made_is_not_let_in_before_that() -> None:
    distribution, workers = crew(2, BEFORE)
    workers[1].start()
    await distribution.bring(AFTER)
    workers[1].has_started()
    latest = State({"routes": []}, {}, 4)
    await distribution.bring(latest)
    await until_ready(workers[1])
    assert workers[1].state == latest


async def test_a_worker_that_can_not_become_what_is_served_begins_anew() -> None:
    distribution, workers = crew(2, BEFORE)
    workers[1].start()
    await distribution.bring(AFTER)
    workers[1].refuses = Finding("routes[1]", "can't be opened")
    workers[1].has_started()
    async with asyncio.timeout(5):
        while not workers[1].restarts:
            await asyncio.sleep(0)
    assert not workers[1].ready


async def until_ready(worker: Obedient) -> None:
    async with asyncio.timeout(5):
        while not worker.ready:
            await asyncio.sleep(0)


async def test_workers_that_do_not_say_they_serve_it_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.server.rollout._COMMIT_SECONDS", 0.05)
    distribution, workers = crew(2, BEFORE)

    async def write() -> None:
        workers[1].is_mute = True

    assert await distribution.bring(AFTER, write) == [1]


async def test_a_worker_that_hangs_begins_anew_and_the_others_serve_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.server.rollout._PREPARE_SECONDS", 0.05)
    distribution, workers = crew(3, BEFORE)
    workers[1].is_mute = True
    assert await distribution.bring(AFTER) == []
    assert [worker.restarts for worker in workers] == [0, 1, 0]
    assert [worker.state for worker in (workers[0], workers[2])] == [AFTER] * 2


async def test_a_state_that_nobody_prepares_in_time_costs_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.server.rollout._PREPARE_SECONDS", 0.05)
    distribution, workers = crew(3, BEFORE)
    for worker in workers:
        worker.is_mute = True
    with pytest.raises(NotPrepared, match="by worker 1"):
        await distribution.bring(AFTER)
    assert [worker.restarts for worker in workers] == [1, 0, 0]
    assert distribution.state is BEFORE


async def test_where_no_worker_comes_to_serve_new_ones_begin_with_the_change() -> None:
    distribution, workers = crew(2, BEFORE)
    for worker in workers:
        worker.ready, worker.is_failing = False, True
    async with asyncio.timeout(5):
        assert await distribution.bring(AFTER) == []
    assert [worker.restarts for worker in workers] == [1, 1]
    workers[0].start()
    assert workers[0].state is AFTER


async def test_a_change_waits_for_workers_until_they_turn_out_to_fail() -> None:
    distribution, (worker,) = crew(1, BEFORE)
    worker.ready = False
    bringing = asyncio.create_task(distribution.bring(AFTER))
    await asyncio.sleep(0)
    assert not bringing.done()
    worker.is_failing = True
    distribution.gone(cast("Slot", worker))
    assert await asyncio.wait_for(bringing, 5) == []


async def test_a_change_that_workers_died_of_is_not_what_others_begin_with() -> None:
    distribution, (worker,) = crew(1, BEFORE)
    worker.is_mute = True
    bringing = asyncio.create_task(distribution.bring(AFTER))
    while distribution._rollout is None or not distribution._rollout.covers(cast("Slot", worker)):
        await asyncio.sleep(0)
    worker.ready, worker.is_failing = False, True
    distribution.gone(cast("Slot", worker))
    with pytest.raises(ConfigError, match="died while it prepared"):
        await asyncio.wait_for(bringing, 5)
    assert distribution.state is BEFORE


async def test_why_a_new_worker_can_not_serve_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    distribution, (worker,) = crew(1, BEFORE)
    worker.start()
    distribution.deliver(cast("Slot", worker), Refused(0, (Finding("routes[0]", "can't be opened"),)))
    assert [(record.message, record.__dict__["detail"]) for record in caplog.records] == [
        ("configuration refused", "can't be opened")
    ]
