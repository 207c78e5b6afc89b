"""A node whose store is away starts with what it served last."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from phasegate.store.last_good import Kept
from phasegate.store.opening import open_store
from phasegate.store.records import Contents, Revision, Store, StoreUnavailable, Write
from phasegate.store.sqlite import SqliteStore
from tests.etcd import Member, etcd_cluster
from tests.integration.store.conftest import needs_etcd

AWAY = "etcd:http://127.0.0.1:1/p"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "last-good.json"


async def write(store: Store, base: int) -> Revision:
    return await store.apply([Write("routes", f"r{base}", {"uri": "/"})], base=base, author="", note="")


async def filled(folder: Path, path: Path, count: int = 2) -> Contents:
    """Keep what a store holds after some revisions, and return it."""
    store = Kept(open_store(f"sqlite:{folder}/s.db", Path()), path)
    for base in range(count):
        await write(store, base)
    contents = await store.load()
    store.served(contents.revision)
    await store.close()
    return contents


async def kept(path: Path) -> Contents:
    """Return what a node starts with whose etcd is away."""
    store = open_store(AWAY, Path(), last_good=path)
    try:
        return await store.load()
    finally:
        await store.close()


async def test_what_was_loaded_last_is_served_while_the_store_is_away(
    tmp_path: Path, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    contents = await filled(tmp_path, path)
    assert await kept(path) == contents
    assert caplog.messages == ["store away, serving the last good configuration"]


async def watched(folder: Path, path: Path, served: int) -> Contents:
    """Return what is kept once a node has seen three revisions, and served one of them before it came by the watch."""
    store = Kept(open_store(f"sqlite:{folder}/s.db", Path()), path)
    await store.load()
    store.served(0)
    news = store.watch(0)
    for base in range(3):
        await write(store, base)
        if base == served - 1:
            store.served(served)
        await asyncio.wait_for(anext(news), 5)
    await news.aclose()  # type: ignore[attr-defined]
    await store.close()
    return await kept(path)


async def test_what_was_watched_last_is_kept_once_it_is_served(tmp_path: Path, path: Path) -> None:
    contents = await watched(tmp_path, path, 3)
    assert list(contents.records) == [("routes", "r0"), ("routes", "r1"), ("routes", "r2")]


async def test_what_was_seen_and_not_served_is_not_kept(tmp_path: Path, path: Path) -> None:
    assert list((await watched(tmp_path, path, 2)).records) == [("routes", "r0"), ("routes", "r1")]


async def test_what_was_loaded_and_not_served_is_not_kept(tmp_path: Path, path: Path) -> None:
    await filled(tmp_path, path, 1)
    store = Kept(open_store(f"sqlite:{tmp_path}/s.db", Path()), path)
    await write(store, 1)
    assert (await store.load()).revision == 2
    former = await store.last_good()
    await store.close()
    assert former == await kept(path)
    assert former.revision == 1


async def test_what_was_loaded_is_no_other_last_good_copy(tmp_path: Path, path: Path) -> None:
    await filled(tmp_path, path, 1)
    store = Kept(open_store(f"sqlite:{tmp_path}/s.db", Path()), path)
    await store.load()
    assert await store.last_good() is None
    await store.close()


async def test_closing_waits_for_the_file_and_for_nothing_else(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.store.last_good._PAUSE_SECONDS", 60)
    async with asyncio.timeout(10):
        await filled(tmp_path, path, 1)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_without_a_kept_copy_the_store_must_be_there(path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="etcd can't be reached"):
        await kept(path)


async def test_a_broken_copy_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(StoreUnavailable, match=f"{path} holds something else than Phasegate wrote"):
        await kept(path)


async def test_a_copy_that_can_not_be_kept_is_logged_and_no_more(
    tmp_path: Path, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.write_text("no folder")
    await filled(tmp_path, path)
    assert caplog.messages == ["last good configuration can't be kept"]


@pytest.fixture
async def node(tmp_path: Path, path: Path) -> AsyncIterator[tuple[Member, Store]]:
    """A member of etcd that is away and holds three revisions, and a node that has the first of them on disk."""
    needs_etcd()
    with etcd_cluster(tmp_path) as (member,):
        place = f"etcd:{member.url}/p"
        store = open_store(place, Path(), last_good=path)
        await write(store, 0)
        store.served((await store.load()).revision)
        await store.close()
        other = open_store(place, Path())
        for base in (1, 2):
            await write(other, base)
        await other.close()
        member.kill()
        store = open_store(place, Path(), last_good=path)
        yield member, store
        await store.close()


async def test_a_node_catches_up_when_etcd_is_back(node: tuple[Member, Store]) -> None:
    member, store = node
    contents = await store.load()
    assert contents.revision == 1
    news = store.watch(contents.revision)
    waiting = asyncio.ensure_future(anext(news))
    member.restart([member])
    assert await asyncio.wait_for(waiting, 5) == await store.load()
    made = await write(store, 3)
    assert await asyncio.wait_for(anext(news), 5) == made
    await news.aclose()  # type: ignore[attr-defined]


async def test_a_node_is_told_when_the_store_became_another_one(tmp_path: Path, path: Path) -> None:
    await filled(tmp_path / "one", path, 2)
    other = SqliteStore(tmp_path / "two" / "s.db")
    for base in range(2):
        await other.apply([Write("routes", f"other{base}", {})], base=base, author="", note="")
    (tmp_path / "two" / "s.db").rename(tmp_path / "two" / "away")
    store = Kept(other, path)
    contents = await store.load()
    assert ("routes", "r0") in contents.records
    (tmp_path / "two" / "away").rename(tmp_path / "two" / "s.db")
    news = store.watch(contents.revision)
    assert list((await asyncio.wait_for(anext(news), 5)).records) == [("routes", "other0"), ("routes", "other1")]  # type: ignore[union-attr]
    await news.aclose()  # type: ignore[attr-defined]
    await store.close()
