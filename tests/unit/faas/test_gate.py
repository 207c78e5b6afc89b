import asyncio

import pytest

from phasegate.errors import Overloaded
from phasegate.faas.gate import Gate, GateLimits, Place


def gate(calls: int = 1, waiting: int = 100, patience_seconds: float = 60) -> Gate:
    return Gate(GateLimits(calls, waiting, patience_seconds))


async def queued(at: Gate, count: int) -> list[asyncio.Task[Place]]:
    """Return so many calls that wait, in the order they came."""
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(at.enter()))
        before = at.waiting
        while at.waiting == before:
            await asyncio.sleep(0)
    return tasks


async def cancelled(*tasks: asyncio.Task[Place]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_as_many_come_in_at_once_as_there_are_places() -> None:
    at = gate(3)
    for _ in range(3):
        await at.enter()
    assert at.waiting == 0
    await cancelled(*await queued(at, 1))


async def test_they_come_in_in_the_order_they_came() -> None:
    at = gate()
    place = await at.enter()
    tasks = await queued(at, 20)
    for task in tasks:
        place.leave()
        late = (await queued(at, 1))[0]
        place = await task
        await cancelled(late)


async def test_who_comes_now_does_not_overtake_who_was_given_the_place_and_has_not_run_yet() -> None:
    at = gate(waiting=1)
    place = await at.enter()
    (first,) = await queued(at, 1)
    place.leave()
    (second,) = await queued(at, 1)
    await first
    assert not second.done()
    await cancelled(second)


async def test_a_full_queue_sends_away_at_once() -> None:
    at = gate(waiting=2)
    await at.enter()
    tasks = await queued(at, 2)
    with pytest.raises(Overloaded, match=r"max_concurrency, 1 calls, .* queue\.size, 2, wait already"):
        await at.enter()
    await cancelled(*tasks)


async def test_without_a_queue_nobody_waits() -> None:
    at = gate(waiting=0)
    place = await at.enter()
    with pytest.raises(Overloaded):
        await at.enter()
    place.leave()
    await at.enter()


@pytest.mark.parametrize(("patience_seconds", "told"), [(0.01, "1"), (1.2, "2")])
async def test_nobody_waits_longer_than_the_patience_which_is_when_to_come_again(
    patience_seconds: float, told: str
) -> None:
    at = gate(patience_seconds=patience_seconds)
    place = await at.enter()
    with pytest.raises(Overloaded) as caught:
        await at.enter()
    assert caught.value.headers == {"retry-after": told}
    assert at.waiting == 0
    place.leave()
    await at.enter()


async def test_who_leaves_the_queue_frees_their_place_in_it() -> None:
    at = gate(waiting=2)
    place = await at.enter()
    first, second = await queued(at, 2)
    await cancelled(first)
    (third,) = await queued(at, 1)
    place.leave()
    await second
    await cancelled(third)


async def test_who_leaves_in_the_moment_of_their_turn_passes_the_place_on() -> None:
    at = gate()
    place = await at.enter()
    first, second = await queued(at, 2)
    place.leave()
    first.cancel()
    await second
    assert first.cancelled()


async def test_a_place_does_not_go_to_who_left_just_before() -> None:
    at = gate()
    place = await at.enter()
    first, second = await queued(at, 2)
    first.cancel()
    place.leave()
    await second
    assert first.cancelled()


async def test_a_place_is_left_once() -> None:
    at = gate(waiting=0)
    place = await at.enter()
    place.leave()
    place.leave()
    await at.enter()
    with pytest.raises(Overloaded):
        await at.enter()
