"""What every store promises."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from phasegate.store import records
from phasegate.store.changes import revised, summary_of
from phasegate.store.packing import unpack_changes
from phasegate.store.records import Change, Conflict, Contents, Record, Revision, Store, Write

pytestmark = pytest.mark.long

Opener = Callable[[], Store]


def route(name: str, **value: Any) -> Write:
    return Write("routes", name, {"id": name, **value})


async def write(store: Store, base: int, *writes: Write) -> Revision:
    return await store.apply(writes, base=base, author="ops", note="a note")


@contextlib.asynccontextmanager
async def watching(store: Store, after: int) -> AsyncIterator[Callable[[], Any]]:
    """Watch for the length of a block; what it yields is the next thing that is seen."""
    news = store.watch(after)
    try:
        yield lambda: asyncio.wait_for(anext(news), 4)
    finally:
        await news.aclose()  # type: ignore[attr-defined]


async def test_a_new_store_is_empty(store: Store) -> None:
    assert await store.load() == Contents(0, {})
    assert await store.revisions() == []


async def test_what_was_written_is_there_for_others(opened: Opener) -> None:
    revision = await write(opened(), 0, route("a", uri="/ä"), Write("credentials", "jack/one", {"plugins": {}}))
    one = Record("routes", "a", {"id": "a", "uri": "/ä"}, 1, 1)
    two = Record("credentials", "jack/one", {"plugins": {}}, 1, 1)
    other = opened()
    assert await other.load() == Contents(1, {one.key: one, two.key: two})
    assert await other.revisions() == [revision]
    assert revision.changes == (Change(None, one), Change(None, two))
    assert (revision.number, revision.author, revision.note) == (1, "ops", "a note")


async def test_a_record_knows_which_revisions_made_and_changed_it(store: Store) -> None:
    await write(store, 0, route("a", uri="/1"))
    revision = await write(store, 1, route("a", uri="/2"))
    old, new = (
        Record("routes", "a", {"id": "a", "uri": "/1"}, 1, 1),
        Record("routes", "a", {"id": "a", "uri": "/2"}, 1, 2),
    )
    assert revision.changes == (Change(old, new),)
    assert (await store.load()).records == {new.key: new}


async def test_a_deleted_record_is_gone_and_begins_anew(store: Store) -> None:
    await write(store, 0, route("a"), route("b"))
    revision = await write(store, 1, Write("routes", "a", None), Write("routes", "nowhere", None))
    assert [change.key for change in revision.changes] == [("routes", "a")]
    assert list((await store.load()).records) == [("routes", "b")]
    await write(store, 2, route("a"))
    assert (await store.load()).records["routes", "a"].created == 3


async def test_a_write_on_an_old_base_changes_nothing(opened: Opener) -> None:
    one, two = opened(), opened()
    await write(one, 0, route("a"))
    with pytest.raises(Conflict, match="not at"):
        await write(two, 0, route("b"))
    with pytest.raises(Conflict):
        await write(two, 2, route("b"))
    assert list((await two.load()).records) == [("routes", "a")]


async def test_of_two_writers_at_once_one_wins(opened: Opener) -> None:
    stores = [opened(), opened()]
    for base in range(10):
        results = await asyncio.gather(
            *(write(store, base, route(f"{base}-{index}")) for index, store in enumerate(stores)),
            return_exceptions=True,
        )
        winners = [index for index, result in enumerate(results) if isinstance(result, Revision)]
        assert len(winners) == 1
        assert isinstance(results[1 - winners[0]], Conflict)
        found = await stores[0].load()
        assert (found.revision, ("routes", f"{base}-{winners[0]}") in found.records) == (base + 1, True)
        assert len(found.records) == base + 1


async def test_key_ids_are_noted_beside_revisions(opened: Opener) -> None:
    one, two = opened(), opened()
    assert await one.key_ids() == frozenset()
    assert await one.note_key_ids(frozenset({"a", "b"}), known=frozenset())
    assert await two.key_ids() == {"a", "b"}
    assert await two.load() == Contents(0, {})
    assert await two.note_key_ids(frozenset(), known=frozenset({"b", "a"}))
    assert await one.key_ids() == frozenset()


async def test_key_ids_that_others_noted_meanwhile_stay(opened: Opener) -> None:
    one, two = opened(), opened()
    noted = await asyncio.gather(
        *(store.note_key_ids(frozenset({name}), known=frozenset()) for name, store in (("a", one), ("b", two)))
    )
    assert sorted(noted) == [False, True]
    assert await one.key_ids() == {"ab"[noted.index(True)]}
    assert not await two.note_key_ids(frozenset({"c"}), known=frozenset({"d"}))


async def test_a_watch_tells_of_everybodys_revisions_in_order(opened: Opener) -> None:
    store, other = opened(), opened()
    made = [await write(other, 0, route("a"))]
    async with watching(store, 0) as seen:
        assert await seen() == made[0]
        made += [await write((store, other)[base % 2], base, route(f"r{base}")) for base in range(1, 20)]
        assert [await seen() for _ in made[1:]] == made[1:]


async def test_a_watch_that_waits_is_told_of_what_another_process_writes(opened: Opener) -> None:
    store, other = opened(), opened()
    made = [await write(other, 0, route("a"))]
    async with watching(store, 0) as seen:
        assert await seen() == made[0]
        for base in (1, 2):
            waiting = asyncio.create_task(seen())
            await asyncio.sleep(0.1)
            assert not waiting.done()
            assert await write(other, base, route("a", n=base)) == await waiting


async def test_two_watches_of_one_store_see_the_same(store: Store) -> None:
    async with watching(store, 0) as one, watching(store, 0) as two:
        waiting = asyncio.gather(one(), two())
        made = await write(store, 0, route("a"))
        assert list(await waiting) == [made, made]


async def test_a_watch_catches_up_with_what_was_before_it(store: Store) -> None:
    made = [await write(store, base, route(f"r{base}")) for base in range(120)]
    async with watching(store, 3) as seen:
        assert [await seen() for _ in made[3:]] == made[3:]


async def test_revisions_lead_from_one_contents_to_the_next(store: Store) -> None:
    contents = await store.load()
    changes = [route("a", n=1), route("b"), route("a", n=2), Write("routes", "b", None), route("b")]
    for base, change in enumerate(changes):
        contents = revised(contents, await write(store, base, change))
    assert await store.load() == contents


async def test_revisions_are_told_newest_first_and_in_pages(store: Store) -> None:
    made = [await write(store, base, route(f"r{base}")) for base in range(5)]
    assert await store.revisions(limit=2) == [made[4], made[3]]
    assert await store.revisions(before=4, limit=2) == [made[2], made[1]]
    assert await store.revisions(before=1) == []
    assert await store.revisions(after=3) == made[:2:-1]
    assert await store.revisions(after=1, before=4) == [made[2], made[1]]
    assert await store.revisions(after=5) == []


async def test_summaries_are_told_newest_first_and_in_pages(store: Store) -> None:
    made = [await write(store, 0, route("a"), route("b"))]
    made.append(await write(store, 1, route("a", n=1), Write("routes", "b", None)))
    assert await store.summaries() == [summary_of(made[1]), summary_of(made[0])]
    assert [(item.action, item.id) for item in summary_of(made[1]).touched] == [("update", "a"), ("delete", "b")]
    assert await store.summaries(before=2, limit=1) == [summary_of(made[0])]
    assert await store.summaries(before=1) == []


@pytest.mark.parametrize("size", [10, 300])
async def test_a_revision_is_there_as_it_is_kept(store: Store, size: int) -> None:
    made = await write(store, 0, *(route(f"r{number}", text="x" * 5000) for number in range(size)))
    packed = await store.packed_revision(1)
    assert packed is not None
    revision, changes = unpack_changes(packed, "")
    assert replace(revision, changes=tuple(changes)) == made
    assert await store.packed_revision(2) is None


async def test_a_summary_of_a_large_revision_is_small(store: Store) -> None:
    made = await write(store, 0, *(route(f"r{number}", text="x" * 5000) for number in range(300)))
    (summary,) = await store.summaries()
    assert (summary.total, summary.touched) == (300, summary_of(made).touched)
    assert len(summary.touched) == 20
    assert await store.revisions() == [made]


async def test_a_watch_gets_the_contents_where_revisions_are_kept_no_more(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite", "etcd_layout"):
        monkeypatch.setattr(f"phasegate.store.{module}.KEPT_REVISIONS", 3)
    store = opened()
    made = [await write(store, base, route(f"r{base}")) for base in range(6)]
    assert await store.revisions() == made[:2:-1]
    assert await store.summaries() == [summary_of(revision) for revision in made[:2:-1]]
    async with watching(store, 1) as seen:
        assert await seen() == await store.load()
        made.append(await write(store, 6, route("last")))
        assert await seen() == made[-1]
    async with watching(store, 4) as seen:
        assert [await seen() for _ in made[4:]] == made[4:]


async def test_a_watch_gets_the_contents_of_a_store_that_went_back(store: Store) -> None:
    await write(store, 0, route("a"))
    async with watching(store, 7) as seen:
        assert await seen() == await store.load()


async def test_large_contents_are_loaded_whole(store: Store) -> None:
    base = 0
    for first in range(0, 1200, 100):
        base = (await write(store, base, *(route(f"r{first + i}", text="x" * 5000) for i in range(100)))).number
    assert len((await store.load()).records) == 1200


def test_a_thousand_revisions_are_kept() -> None:
    assert records.KEPT_REVISIONS == 1000
