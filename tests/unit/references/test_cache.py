import asyncio
import logging

import pytest

from phasegate.references import Unresolved
from phasegate.references.cache import Cache


class Elsewhere:
    """Something to read, with a clock beside it that only tests move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.value: str | Unresolved = "one"
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.cache = Cache(60, 0.2, lambda: self.now)

    async def read(self) -> str:
        self.reads += 1
        await self.gate.wait()
        if isinstance(self.value, Unresolved):
            raise self.value
        return self.value

    async def get(self) -> object:
        return await self.cache.get("key", "name", self.read)


@pytest.fixture
async def elsewhere() -> Elsewhere:
    return Elsewhere()


async def test_it_is_read_once_within_its_time_and_anew_after(elsewhere: Elsewhere) -> None:
    assert [await elsewhere.get(), await elsewhere.get()] == ["one", "one"]
    elsewhere.value = "two"
    elsewhere.now = 59.9
    assert await elsewhere.get() == "one"
    elsewhere.now = 60
    assert await elsewhere.get() == "two"
    assert elsewhere.reads == 2


async def test_many_who_ask_at_once_make_one_read(elsewhere: Elsewhere) -> None:
    elsewhere.gate.clear()
    waiting = [asyncio.create_task(elsewhere.get()) for _ in range(5)]
    while elsewhere.reads == 0:
        await asyncio.sleep(0)
    waiting[0].cancel()
    elsewhere.gate.set()
    assert await asyncio.gather(*waiting[1:]) == ["one"] * 4
    assert elsewhere.reads == 1


async def test_a_failure_without_a_value_before_it_is_raised_and_not_kept(elsewhere: Elsewhere) -> None:
    elsewhere.value = Unresolved("why")
    with pytest.raises(Unresolved, match="why"):
        await elsewhere.get()
    elsewhere.value = "one"
    assert await elsewhere.get() == "one"


async def test_what_takes_too_long_is_a_failure(elsewhere: Elsewhere) -> None:
    elsewhere.gate.clear()
    with pytest.raises(Unresolved, match=r"not answered within 0.2 seconds"):
        await elsewhere.get()


async def test_who_waits_for_a_turn_waits_no_longer_than_four_reads() -> None:
    crowd = Elsewhere()
    crowd.cache = Cache(60, 0.05, lambda: crowd.now)
    crowd.gate.clear()
    asked = [crowd.cache.get(index, "name", crowd.read) for index in range(1000)]
    found = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)
    assert {type(error) for error in found} == {Unresolved}
    assert str(found[-1]) == "was not read within 0.2 seconds"
    await crowd.cache.close()


async def test_the_last_good_value_holds_on_and_the_failure_is_logged_once(
    elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await elsewhere.get()
    elsewhere.value = Unresolved("why")
    for now in (60, 65, 70, 80):
        elsewhere.now = now
        assert await elsewhere.get() == "one"
    assert elsewhere.reads == 4
    elsewhere.value, elsewhere.now = "two", 90
    assert await elsewhere.get() == "two"
    assert [record.message for record in caplog.records] == ["reference can't be refreshed", "reference refreshed"]
    assert vars(caplog.records[0])["detail"] == "why"


async def test_what_nobody_asks_for_is_let_go(elsewhere: Elsewhere) -> None:
    await elsewhere.get()
    elsewhere.now = 601
    elsewhere.cache.forget()
    elsewhere.value = Unresolved("why")
    with pytest.raises(Unresolved):
        await elsewhere.get()


async def test_closing_stops_reading(elsewhere: Elsewhere) -> None:
    elsewhere.gate.clear()
    waiting = asyncio.create_task(elsewhere.get())
    while elsewhere.reads == 0:
        await asyncio.sleep(0)
    await elsewhere.cache.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
