"""A process that is killed while it writes leaves the old state or the new one, and nothing that it acknowledged is lost."""

import asyncio
import random
import sqlite3
import sys
from pathlib import Path

import pytest

from phasegate.store.changes import revised
from phasegate.store.records import Contents
from phasegate.store.sqlite import SqliteStore

pytestmark = pytest.mark.long

WRITER = """
import asyncio, sys
from pathlib import Path
from phasegate.store.records import Write
from phasegate.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    base = (await store.load()).revision
    while True:
        texts = [str(base + 1) * 4000, *(str(base + 1) for _ in range(4))]
        writes = [Write("routes", f"r{index}", {"text": text}) for index, text in enumerate(texts)]
        writes.append(Write("routes", f"once{base}", None if base % 2 else {"text": ""}))
        base = (await store.apply(writes, base=base, author="", note="")).number
        print(base, flush=True)

asyncio.run(main())
"""
ROUNDS = 12


async def write_until_killed(path: Path, after: int) -> int:
    """Run a writer, kill it amid its writes, and return the last revision that it said was written."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = [await asyncio.wait_for(process.stdout.readline(), 10) for _ in range(1 + random.randrange(5))]
    await asyncio.sleep(random.random() * 0.01)
    process.kill()
    said += (await process.stdout.read()).split()
    await process.wait()
    return max([after, *map(int, said)])


async def check(path: Path) -> int:
    """Judge what a killed writer left, and return its revision."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    store = SqliteStore(path)
    found, history = await store.load(), await store.revisions(limit=1000)
    await store.close()
    assert [revision.number for revision in history] == list(range(found.revision, 0, -1))
    replayed = Contents(0, {})
    for revision in reversed(history):
        replayed = revised(replayed, revision)
    assert replayed == found
    assert {found.records["routes", f"r{index}"].modified for index in range(5)} == {found.revision}
    return found.revision


async def test_a_killed_writer_leaves_the_old_state_or_the_new(tmp_path: Path) -> None:
    path, reached = tmp_path / "s.db", 0
    for _ in range(ROUNDS):
        acknowledged = await write_until_killed(path, reached)
        reached = await check(path)
        assert acknowledged <= reached <= acknowledged + 1


async def test_a_reader_beside_a_killed_writer_goes_on(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    news = store.watch(0)
    seen = asyncio.ensure_future(anext(news))
    acknowledged = await write_until_killed(tmp_path / "s.db", 0)
    assert await asyncio.wait_for(seen, 5) == (await store.revisions(before=2))[0]
    for number in range(2, acknowledged + 1):
        assert (await asyncio.wait_for(anext(news), 5)).number == number  # type: ignore[union-attr]
    await news.aclose()  # type: ignore[attr-defined]
    await store.close()
