"""A store in memory: the protocol of stores, kept to the letter, for tests of what goes around one."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from phasegate.store.changes import summary_of
from phasegate.store.packing import pack
from phasegate.store.records import (
    Change,
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


class MemoryStore(NothingKept):
    """`away` makes it unavailable; `log` holds its revisions, oldest first, as they would lie on disk."""

    def __init__(self) -> None:
        self.records: dict[Key, Record] = {}
        self.log: list[Revision] = []
        self.noted: frozenset[str] = frozenset()
        self.away = False
        self.closed = False
        self._news = asyncio.Condition()

    async def load(self) -> Contents:
        self._judge()
        return Contents(len(self.log), dict(self.records))

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        self._judge()
        if base != len(self.log):
            raise Conflict(f"at {len(self.log)}")
        changes = tuple(self._write(write, base + 1) for write in writes)
        revision = Revision(base + 1, time.time(), author, note, changes)
        async with self._news:
            self.log.append(revision)
            self._news.notify_all()
        return revision

    async def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        while True:
            async with self._news:
                while len(self.log) <= after:
                    await self._news.wait()
            yield self.log[after]
            after += 1

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        self._judge()
        newer = self.log[after or 0 :]
        kept = [revision for revision in newer if before is None or revision.number < before]
        return kept[::-1][:limit]

    async def key_ids(self) -> frozenset[str]:
        self._judge()
        return self.noted

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        self._judge()
        if known != self.noted:
            return False
        self.noted = ids
        return True

    async def packed_revision(self, number: int) -> bytes | None:
        return next((pack(found) for found in await self.revisions() if found.number == number), None)

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        return [summary_of(revision) for revision in await self.revisions(before=before, limit=limit)]

    async def close(self) -> None:
        self.closed = True

    def _write(self, write: Write, number: int) -> Change:
        before = self.records.pop(write.key, None)
        if write.value is None:
            return Change(before, None)
        record = Record(write.kind, write.id, write.value, before.created if before else number, number)
        self.records[write.key] = record
        return Change(before, record)

    def _judge(self) -> None:
        if self.away:
            raise StoreUnavailable("away")
