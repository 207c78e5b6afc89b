import asyncio
import contextlib
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from phasegate.store.changes import summary_of
from phasegate.store.records import Store, StoreUnavailable, Write
from phasegate.store.sqlite import SqliteStore

ROUTE = Write("routes", "a", {"uri": "/"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "phasegate.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(path)
    yield store
    await store.close()


async def write(store: Store, base: int) -> None:
    await store.apply([ROUTE], base=base, author="", note="")


async def refusal(path: Path) -> str:
    store = SqliteStore(path)
    with pytest.raises(StoreUnavailable) as caught:
        await store.load()
    await store.close()
    return str(caught.value)


async def test_file_and_folder_are_for_their_owner_alone(store: Store, path: Path) -> None:
    await write(store, 0)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("phasegate.db", "phasegate.db-wal", "phasegate.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_file_that_others_may_read_is_closed_to_them(store: Store, path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    await store.load()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_commit_is_on_the_disk_when_it_is_said_to_be_done(store: SqliteStore) -> None:
    await store.load()
    assert store._opened is not None
    connection = store._opened[0]
    pragmas = await store._run(
        lambda: [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    )
    assert pragmas == ["wal", 2]


async def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"routes: []\n" * 100)
    assert (await refusal(path)).startswith(f"{path} is no SQLite file: move it away")
    assert path.read_bytes().startswith(b"routes: []")


@pytest.mark.parametrize("data", [b"routes: []\n" * 100, None])
async def test_a_file_that_is_not_the_store_s_keeps_its_mode(path: Path, data: bytes | None) -> None:
    path.parent.mkdir()
    if data is None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE songs (name)")
    else:
        path.write_bytes(data)
    path.chmod(0o644)
    await refusal(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


async def test_what_is_no_file_is_refused_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o644)
    assert await refusal(path) == f"{path} is no file: let resources.store name another one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


async def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (name)")
    connection.close()
    before = path.read_bytes()
    assert await refusal(path) == f"{path} belongs to another program: let resources.store name another file"
    assert path.read_bytes() == before


async def test_a_file_of_a_newer_version_is_not_touched(store: Store, path: Path) -> None:
    await store.load()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    assert "was written by a newer Phasegate" in await refusal(path)


async def test_a_file_of_the_first_version_is_read_and_written(path: Path) -> None:
    former = SqliteStore(path)
    await write(former, 0)
    await former.close()
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE summaries; PRAGMA user_version = 1")
    connection.close()
    store = SqliteStore(path)
    await write(store, 1)
    assert await store.summaries() == [summary_of(revision) for revision in await store.revisions()]
    assert len(await store.summaries()) == 2
    await store.close()


async def test_a_damaged_file_is_named(path: Path) -> None:
    writing = SqliteStore(path)
    for base in range(50):
        await writing.apply([Write("routes", f"r{base}", {"text": "x" * 2000})], base=base, author="", note="")
    await writing.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert (await refusal(path)).startswith(f"{path} is damaged: restore a backup")


async def test_a_folder_where_the_file_should_be_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    assert str(path) in await refusal(path)


async def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"{tmp_path}/file/s.db can't be used" in await refusal(tmp_path / "file" / "s.db")


async def test_a_record_that_somebody_broke_is_an_error_with_the_path(store: Store, path: Path) -> None:
    await write(store, 0)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE records SET data = '{'")
    connection.commit()
    connection.close()
    assert await refusal(path) == f"{path} holds something else than Phasegate wrote: restore it from a backup"


async def test_a_file_that_was_removed_in_use_takes_no_more_writes(store: Store, path: Path) -> None:
    await write(store, 0)
    path.unlink()
    with pytest.raises(StoreUnavailable, match="was removed or replaced while it was in use"):
        await write(store, 1)


async def test_a_failed_write_leaves_nothing_behind(store: Store) -> None:
    await write(store, 0)
    with pytest.raises(TypeError):
        await store.apply([ROUTE, Write("routes", "b", {"no": object()})], base=1, author="", note="")
    assert list((await store.load()).records) == [("routes", "a")]
    await write(store, 1)


async def test_a_watch_outlives_a_failure_that_is_logged_once(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await write(store, 0)
    news = store.watch(1)
    seen = asyncio.ensure_future(anext(news))
    away = path.rename(path.with_name("away"))
    async with asyncio.timeout(5):
        while not caplog.records:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.4)
    away.rename(path)
    await write(store, 1)
    assert await asyncio.wait_for(seen, 5) == (await store.revisions())[0]
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["store unavailable"]
    await news.aclose()  # type: ignore[attr-defined]


async def test_two_processes_may_make_the_file_at_once(path: Path) -> None:
    stores = [SqliteStore(path) for _ in range(6)]
    await asyncio.gather(*(store.load() for store in stores))
    await asyncio.gather(*(store.close() for store in stores))
