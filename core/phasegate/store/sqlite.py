"""The embedded store: one SQLite file, used by one thread, safe to be killed at any point of a write."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from .changes import changes_of, summary_of
from .following import Bell, News, follow, following
from .packing import pack, unpack_record, unpack_revision, unpack_summary
from .records import (
    KEPT_REVISIONS,
    Conflict,
    Contents,
    Key,
    NothingKept,
    Record,
    Revision,
    StoreUnavailable,
    Summary,
    Write,
)
from .sqlite_file import open_file, told, transaction

_T = TypeVar("_T")

# Other processes write to the file too (a command, a second gateway), and nothing but a look tells of it.
_POLL_SECONDS = 0.05
_MOST_AT_ONCE = 100
_NO_BOUND = 2**63 - 1
# Files of the first version have no summaries.
_SUMMARIES = """
SELECT summaries.data, CASE WHEN summaries.data IS NULL THEN revisions.data END
FROM revisions LEFT JOIN summaries USING (number) WHERE number < ? ORDER BY number DESC LIMIT ?
"""


class SqliteStore(NothingKept):
    """Records and revisions in a SQLite file, which is made at the first use.

    Everything that touches the file runs in one thread, so that no disk ever stops the event loop.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="phasegate-store")
        self._opened: tuple[sqlite3.Connection, int | None] | None = None
        self._bell = Bell()

    async def load(self) -> Contents:
        """Return everything. Raise StoreUnavailable."""
        return await self._run(self._load)

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        """Write everything as revision `base + 1`, on the disk when this returns. Raise Conflict or StoreUnavailable."""
        revision = await self._run(partial(self._apply, writes, base=base, author=author, note=note))
        self._bell.ring()
        return revision

    def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        """Yield each revision after that one, whoever made it: at once, or by a look each 50 ms for other processes'."""
        look = partial(self._run, self._news)
        return follow(after, look, store=str(self._path), bell=self._bell, poll_seconds=_POLL_SECONDS)

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return the newest revisions under `before` and over `after`, newest first. Raise StoreUnavailable."""
        return await self._run(partial(self._revisions, before, after, limit))

    async def key_ids(self) -> frozenset[str]:
        """Return the ids of the keys that processes have used the file with. Raise StoreUnavailable."""
        return await self._run(lambda: _key_ids(self._connection()))

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        """Note ids, where these are known; tell whether they were. Raise StoreUnavailable."""
        return await self._run(self._note_key_ids, ids, known)

    async def packed_revision(self, number: int) -> bytes | None:
        """Return a revision as it lies in the file. Raise StoreUnavailable."""
        return await self._run(self._packed_revision, number)

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the summaries of the newest revisions under `before`, newest first. Raise StoreUnavailable."""
        return await self._run(partial(self._summaries, before, limit))

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, function: Callable[..., _T], *arguments: object) -> _T:
        def told_run() -> _T:
            with told(self._path):
                return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._thread, told_run)

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = open_file(self._path), self._inode()
        connection, inode = self._opened
        if self._inode() != inode:
            raise StoreUnavailable(f"{self._path} was removed or replaced while it was in use: start Phasegate again")
        return connection

    def _inode(self) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_ino
        return None

    def _load(self) -> Contents:
        connection = self._connection()
        with transaction(connection, "DEFERRED"):
            head = _head(connection)
            rows = connection.execute("SELECT data FROM records").fetchall()
        records = [unpack_record(data, str(self._path)) for (data,) in rows]
        return Contents(head, {record.key: record for record in records})

    def _apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        connection = self._connection()
        with transaction(connection, "IMMEDIATE"):
            if (head := _head(connection)) != base:
                raise Conflict(
                    f"{self._path} is at revision {head}, not at {base}: read it again, then repeat the change"
                )
            before = self._records(connection, {write.key for write in writes})
            changes = changes_of(writes, before, base + 1)
            revision = Revision(base + 1, time.time(), author, note, changes)
            _write(connection, revision)
        return revision

    def _records(self, connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, Record]:
        found: dict[Key, Record] = {}
        for key in keys:
            row = connection.execute("SELECT data FROM records WHERE kind = ? AND id = ?", key).fetchone()
            if row:
                found[key] = unpack_record(row[0], str(self._path))
        return found

    def _news(self, after: int) -> News:
        connection = self._connection()
        if _head(connection) == after:
            return ()
        rows = connection.execute(
            "SELECT data FROM revisions WHERE number > ? ORDER BY number LIMIT ?", (after, _MOST_AT_ONCE)
        )
        revisions = [unpack_revision(data, str(self._path)) for (data,) in rows]
        return following(after, revisions) or [self._load()]

    def _revisions(self, before: int | None, after: int | None, limit: int) -> list[Revision]:
        rows = self._connection().execute(
            "SELECT data FROM revisions WHERE number < ? AND number > ? ORDER BY number DESC LIMIT ?",
            (_NO_BOUND if before is None else before, after or 0, limit),
        )
        return [unpack_revision(data, str(self._path)) for (data,) in rows]

    def _note_key_ids(self, ids: frozenset[str], known: frozenset[str]) -> bool:
        connection = self._connection()
        with transaction(connection, "IMMEDIATE"):
            if _key_ids(connection) != known:
                return False
            # Files of earlier versions lack the table, and those versions do not miss it.
            connection.execute("CREATE TABLE IF NOT EXISTS key_ids (id TEXT PRIMARY KEY)")
            connection.execute("DELETE FROM key_ids")
            connection.executemany("INSERT INTO key_ids (id) VALUES (?)", [(id_,) for id_ in ids])
        return True

    def _packed_revision(self, number: int) -> bytes | None:
        row = self._connection().execute("SELECT data FROM revisions WHERE number = ?", (number,)).fetchone()
        return row[0] if row else None

    def _summaries(self, before: int | None, limit: int) -> list[Summary]:
        rows = self._connection().execute(_SUMMARIES, (_NO_BOUND if before is None else before, limit))
        where = str(self._path)
        return [
            unpack_summary(summary, where) if summary else summary_of(unpack_revision(revision, where))
            for summary, revision in rows
        ]

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None


def _head(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT max(number) FROM revisions").fetchone()
    return number or 0


def _key_ids(connection: sqlite3.Connection) -> frozenset[str]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'key_ids'").fetchone():
        return frozenset()
    return frozenset(id_ for (id_,) in connection.execute("SELECT id FROM key_ids"))


def _write(connection: sqlite3.Connection, revision: Revision) -> None:
    for change in revision.changes:
        if change.after is None:
            connection.execute("DELETE FROM records WHERE kind = ? AND id = ?", change.key)
        else:
            row = (*change.key, pack(change.after))
            connection.execute("INSERT OR REPLACE INTO records (kind, id, data) VALUES (?, ?, ?)", row)
    for table, data in (("revisions", pack(revision)), ("summaries", pack(summary_of(revision)))):
        connection.execute(f"INSERT INTO {table} (number, data) VALUES (?, ?)", (revision.number, data))  # noqa: S608 (ours)
        connection.execute(f"DELETE FROM {table} WHERE number <= ?", (revision.number - KEPT_REVISIONS,))  # noqa: S608
