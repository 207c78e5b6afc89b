import asyncio
import gc
from collections.abc import Iterator

import pytest

from phasegate.snapshot import garbage
from phasegate.snapshot.garbage import undisturbed

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    gc.collect()
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_is_away_for_the_block_and_back_after_it() -> None:
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_is_back_after_a_block_that_fails() -> None:
    with pytest.raises(ValueError, match="refused"), undisturbed():
        raise ValueError("refused")
    assert gc.isenabled()


def test_blocks_that_overlap_leave_the_collector_on() -> None:
    first, second = undisturbed(), undisturbed()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.isenabled()


@pytest.mark.parametrize(("many", "frozen"), [(100, True), (10_000, False)])
def test_many_new_objects_are_set_aside_and_few_are_not(
    many: int, frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "_MANY_OBJECTS", many)
    before = gc.get_freeze_count()
    with undisturbed():
        kept = [[number] for number in range(1000)]
    assert (gc.get_freeze_count() > before) is frozen
    assert len(kept) == 1000


async def test_the_collector_comes_back_in_a_block_that_takes_its_time() -> None:
    with undisturbed(0.0):
        while not gc.isenabled():
            await asyncio.sleep(0)


def test_a_process_that_is_settled_collects_seldom() -> None:
    before = gc.get_threshold()
    try:
        garbage.settle()
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold()[0] >= 50_000
    finally:
        gc.set_threshold(*before)
