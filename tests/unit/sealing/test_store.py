import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.errors import StartupError
from phasegate.sealing import KeyMissing, KeyRing, SealBroken, SealedStore
from phasegate.sealing.keyring import key_of
from phasegate.store.last_good import Kept
from phasegate.store.records import Conflict, Contents, Key, Revision, Store, StoreUnavailable, Value, Write
from tests.memory_store import MemoryStore


def secrets(key: Key, value: Value) -> list[Any]:
    return [("key",)] if "key" in value else []


def sealed_store(inner: Store, ring: KeyRing) -> SealedStore:
    return SealedStore(inner, ring, secrets, retry_seconds=0.01)


@pytest.fixture
async def inner() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def store(inner: MemoryStore, ring: KeyRing) -> SealedStore:
    return sealed_store(inner, ring)


async def put(store: Store, base: int, key: str | None = "s3cret", name: str = "1") -> Revision:
    value = None if key is None else {"key": key, "uri": "/"}
    return await store.apply([Write("routes", name, value)], base=base, author="ops", note="n")


def value_of(item: Revision | Contents, name: str = "1") -> Any:
    if isinstance(item, Contents):
        return item.records["routes", name].value["key"]
    after = item.changes[0].after
    return None if after is None else after.value["key"]


async def test_secrets_are_sealed_below_and_open_above(store: SealedStore, inner: MemoryStore) -> None:
    revision = await put(store, 0)
    assert value_of(revision) == "s3cret"
    assert value_of(await store.load()) == "s3cret"
    assert value_of((await store.revisions())[0]) == "s3cret"
    assert "s3cret" not in repr([record.value for record in inner.records.values()])
    assert "s3cret" not in repr([change.after.value for change in inner.log[0].changes if change.after])


async def test_a_packed_revision_stays_sealed(store: SealedStore) -> None:
    await put(store, 0)
    packed = await store.packed_revision(1)
    assert packed is not None
    assert (b"s3cret" in packed, b"$sealed:" in packed) == (False, True)


async def test_what_is_much_is_sealed_and_opened_beside_the_event_loop(
    store: SealedStore, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()

    def noting(work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            threads.add(threading.current_thread())
            return work(*arguments)

        return noted

    monkeypatch.setattr(ring, "seal", noting(ring.seal))
    monkeypatch.setattr(ring, "open", noting(ring.open))
    writes = [Write("routes", str(number), {"key": "s3cret"}) for number in range(300)]
    await store.apply(writes, base=0, author="ops", note="n")
    await store.load()
    await store.revisions()
    assert threads
    assert threading.current_thread() not in threads


async def test_all_else_passes_as_it_is(store: SealedStore, inner: MemoryStore) -> None:
    await put(store, 0)
    revision = await put(store, 1, None)
    before = revision.changes[0].before
    assert (revision.number, revision.author, revision.note) == (2, "ops", "n")
    assert before is not None
    assert (before.value["key"], before.created, revision.changes[0].after) == ("s3cret", 1, None)
    with pytest.raises(Conflict):
        await put(store, 0)
    inner.away = True
    with pytest.raises(StoreUnavailable):
        await store.load()
    await store.close()
    assert inner.closed


async def test_a_value_that_looks_sealed_is_refused_and_nothing_written(store: SealedStore, inner: MemoryStore) -> None:
    with pytest.raises(ConfigError, match=r"routes/1.key: must not begin with \$sealed:"):
        await put(store, 0, "$sealed:00000000:AAAA")
    assert inner.log == []


async def test_revisions_are_opened_as_they_come(store: SealedStore) -> None:
    await put(store, 0, "one")
    watch = store.watch(0)
    assert value_of(await anext(watch)) == "one"
    waiting = asyncio.ensure_future(anext(watch))
    await put(store, 1, "two")
    assert value_of(await asyncio.wait_for(waiting, 5)) == "two"


async def test_after_a_rotation_old_and_new_are_opened(store: SealedStore, inner: MemoryStore, ring: KeyRing) -> None:
    await put(store, 0, "one")
    old = ring.newest
    ring.rotate()
    await put(store, 1, "two", "2")
    contents = await store.load()
    assert (value_of(contents), value_of(contents, "2")) == ("one", "two")
    assert [key_of(record.value["key"]) for record in inner.records.values()] == [old, ring.newest]


async def test_resealing_is_one_revision_of_what_needs_it(
    store: SealedStore, inner: MemoryStore, ring: KeyRing
) -> None:
    await put(store, 0, "one")
    KeyRing(ring.path).rotate()
    ring.reload()
    await put(store, 1, "two", "2")
    revision = await store.reseal(author="ops")
    assert revision is not None
    assert [change.key for change in revision.changes] == [("routes", "1")]
    assert {key_of(record.value["key"]) for record in inner.records.values()} == {ring.newest}
    assert value_of(await store.load()) == "one"
    assert await store.reseal(author="ops") is None


async def test_resealing_seals_what_has_become_secret(store: SealedStore, inner: MemoryStore) -> None:
    await put(inner, 0)
    await store.reseal(author="ops")
    assert key_of(inner.records["routes", "1"].value["key"])


async def test_a_node_without_the_key_does_not_start(
    store: SealedStore, inner: MemoryStore, ring: KeyRing, tmp_path: Path
) -> None:
    await put(store, 0)
    other = KeyRing.make(tmp_path / "other")
    with pytest.raises(KeyMissing, match=rf"routes/1.key is sealed with key {ring.newest}, which {other.path} lacks"):
        await sealed_store(inner, other).load()


async def test_a_record_that_was_tampered_with_stops_the_start(store: SealedStore, inner: MemoryStore) -> None:
    await put(store, 0)
    moved = Write("routes", "2", inner.records["routes", "1"].value)
    await inner.apply([moved], base=1, author="", note="")
    with pytest.raises(SealBroken, match=r"routes/2.key does not open"):
        await store.load()
    with pytest.raises(StoreUnavailable, match=r"routes/2.key does not open"):
        await store.revisions()
    assert issubclass(SealBroken, StartupError)


async def test_a_watch_waits_for_the_key_and_goes_on_by_the_contents(
    store: SealedStore, inner: MemoryStore, ring: KeyRing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy2(ring.path, tmp_path / "copy")
    watch = sealed_store(inner, KeyRing(tmp_path / "copy")).watch(0)
    ring.rotate()
    await put(store, 0, "one")
    waiting = asyncio.ensure_future(anext(watch))
    while not caplog.records:
        await asyncio.sleep(0.001)
    await put(store, 1, "two")
    assert not waiting.done()
    shutil.copy2(ring.path, tmp_path / "copy")
    contents = await asyncio.wait_for(waiting, 5)
    assert isinstance(contents, Contents)
    assert (contents.revision, value_of(contents)) == (2, "two")
    await put(store, 2, "three")
    revision = await asyncio.wait_for(anext(watch), 5)
    assert isinstance(revision, Revision)
    assert (revision.number, value_of(revision)) == (3, "three")
    assert [record.message for record in caplog.records] == ["sealed records can't be opened"]
    assert ring.newest in vars(caplog.records[0])["detail"]


async def test_a_watch_goes_on_once_a_broken_record_is_repaired(
    store: SealedStore, inner: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    await put(store, 0)
    watch = store.watch(1)
    await inner.apply([Write("routes", "2", inner.records["routes", "1"].value)], base=1, author="", note="")
    waiting = asyncio.ensure_future(anext(watch))
    while not caplog.records:
        await asyncio.sleep(0.001)
    await put(inner, 2, None, "2")
    contents = await asyncio.wait_for(waiting, 5)
    assert isinstance(contents, Contents)
    assert contents.revision == 3


async def test_no_older_contents_stand_in_for_a_revision_that_can_not_be_opened(
    store: SealedStore, inner: MemoryStore, ring: KeyRing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy2(ring.path, tmp_path / "copy")
    await put(store, 0, "one")
    former = await inner.load()
    watch = sealed_store(inner, KeyRing(tmp_path / "copy")).watch(1)
    ring.rotate()
    await put(store, 1, "two")
    loads = 0
    load = inner.load

    async def kept() -> Contents:
        nonlocal loads
        loads += 1
        return former if loads < 5 else await load()

    inner.load = kept  # type: ignore[method-assign]
    waiting = asyncio.ensure_future(anext(watch))
    while not caplog.records:
        await asyncio.sleep(0.001)
    shutil.copy2(ring.path, tmp_path / "copy")
    contents = await asyncio.wait_for(waiting, 5)
    assert isinstance(contents, Contents)
    assert (contents.revision, loads) == (2, 5)


async def test_closing_a_watch_closes_the_one_below(store: SealedStore, inner: MemoryStore) -> None:
    ended = asyncio.Event()

    async def news(after: int) -> Any:
        try:
            yield Contents(5, {})
        finally:
            ended.set()

    inner.watch = news  # type: ignore[method-assign]
    watch = store.watch(0)
    await anext(watch)
    await watch.aclose()  # type: ignore[attr-defined]
    assert ended.is_set()


async def test_the_last_good_copy_is_sealed_on_disk_and_open_above(
    inner: MemoryStore, ring: KeyRing, tmp_path: Path
) -> None:
    store = sealed_store(Kept(inner, tmp_path / "copy"), ring)
    await put(store, 0)
    store.served((await store.load()).revision)
    await store.close()
    assert b"s3cret" not in (tmp_path / "copy").read_bytes()
    again = sealed_store(Kept(inner, tmp_path / "copy"), ring)
    await put(again, 1, "an0ther")
    await again.load()
    former = await again.last_good()
    assert former is not None
    assert value_of(former) == "s3cret"


async def test_a_last_good_copy_that_the_ring_does_not_open_is_none(
    inner: MemoryStore, ring: KeyRing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await test_the_last_good_copy_is_sealed_on_disk_and_open_above(inner, ring, tmp_path)
    store = sealed_store(Kept(inner, tmp_path / "copy"), KeyRing.make(tmp_path / "other"))
    assert await store.last_good() is None
    assert caplog.messages == ["last good configuration can't be opened"]
