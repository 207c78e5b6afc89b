"""A store whose secrets are sealed at rest and open in memory, around any other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..errors import ConfigError, StartupError
from ..store.records import Change, Contents, Record, Revision, Store, StoreUnavailable, Summary, Write
from .keyring import KeyRing, key_of
from .seal import Secrets, forgeries, is_current, opened, sealed, sealed_texts

_logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_MANY = 200

_Many = TypeVar("_Many", Contents, Revision, Sequence[Write])
_Made = TypeVar("_Made")


class SealedStore:
    """Seals the secrets of what is written to `store`, and opens what comes from it.

    `secrets` says where a record's secrets are; what was sealed is opened wherever it stands, so that a schema may
    change. It goes around all else: whatever keeps records below it, on disk or elsewhere, keeps them sealed.
    """

    def __init__(self, store: Store, ring: KeyRing, secrets: Secrets, *, retry_seconds: float = _RETRY_SECONDS) -> None:
        self._store = store
        self._ring = ring
        self._secrets = secrets
        self._retry_seconds = retry_seconds

    def read_ring(self) -> None:
        """Seal with the newest key that the ring's file has by now. Raise StartupError, and keep the ring, without one."""
        self._ring.reload()

    def adopt(self, secrets: Secrets) -> None:
        """Seal by other schemas from now on."""
        self._secrets = secrets

    async def load(self) -> Contents:
        """Return everything. Raise StoreUnavailable, and StartupError for what can't be opened."""
        return await _aside(self._contents, await self._store.load())

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        """Write everything as revision `base + 1`, secrets sealed.

        Raise ConfigError for a value that looks sealed already, Conflict, StoreUnavailable.
        """
        covered = await _aside(self._covered, writes)
        return await _aside(self._revision, await self._store.apply(covered, base=base, author=author, note=note))

    async def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        """Yield what happens after that revision, as the store below does.

        What can't be opened is logged once, and waited for: with the key it lacks, or a repaired record, it goes on by the
        store's contents.
        """
        seen = after
        async with contextlib.aclosing(self._store.watch(after)) as news:  # type: ignore[type-var]
            async for item in news:
                if isinstance(item, Contents) or item.number > seen:
                    found = await self._opened(item)
                    seen = _number(found)
                    yield found

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return the newest revisions, newest first. Raise StoreUnavailable, also for what can't be opened."""
        found = await self._store.revisions(before=before, after=after, limit=limit)
        try:
            return [await _aside(self._revision, revision) for revision in found]
        except StartupError as error:
            raise StoreUnavailable(str(error)) from error

    async def key_ids(self) -> frozenset[str]:
        """Return the ids of the keys that the store was used with. Raise StoreUnavailable."""
        return await self._store.key_ids()

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        """Note ids in the store, where these are known. Raise StoreUnavailable."""
        return await self._store.note_key_ids(ids, known=known)

    async def last_good(self) -> Contents | None:
        """Return what was served last, None where that is not kept, is what was loaded, or can't be opened."""
        kept = await self._store.last_good()
        try:
            return None if kept is None else await _aside(self._contents, kept)
        except StartupError as error:
            _logger.warning("last good configuration can't be opened", extra={"detail": str(error)})
            return None

    def served(self, revision: int) -> None:
        """Note that a revision is served."""
        self._store.served(revision)

    async def packed_revision(self, number: int) -> bytes | None:
        """Return a revision as the store below keeps it, sealed. Raise StoreUnavailable."""
        return await self._store.packed_revision(number)

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the newest summaries, in which nothing is secret. Raise StoreUnavailable."""
        return await self._store.summaries(before=before, limit=limit)

    async def close(self) -> None:
        """Close the store below."""
        await self._store.close()

    async def reseal(self, *, author: str) -> Revision | None:
        """Read the ring again and seal everything with its newest key, as one revision; None where it is so already.

        Raise Conflict where somebody else wrote meanwhile, StoreUnavailable, StartupError.
        """
        self._ring.reload()
        contents = await self._store.load()
        writes = [
            Write(record.kind, record.id, self._record(record).value)
            for record in contents.records.values()
            if not self._is_current(record)
        ]
        if not writes:
            return None
        return await self.apply(
            writes, base=contents.revision, author=author, note=f"secrets sealed with key {self._ring.newest}"
        )

    def _covered(self, writes: Sequence[Write]) -> list[Write]:
        findings = forgeries(writes)
        if findings:
            raise ConfigError(findings)
        return [self._sealed(write) for write in writes]

    def _sealed(self, write: Write) -> Write:
        if write.value is None:
            return write
        return replace(write, value=sealed(write.key, write.value, self._secrets(write.key, write.value), self._ring))

    def _is_current(self, record: Record) -> bool:
        if any(key_of(text) != self._ring.newest for text in sealed_texts(record.value)):
            return False
        places = self._secrets(record.key, record.value)
        return all(is_current(record.value, place, self._ring) for place in places)

    async def _opened(self, item: Revision | Contents) -> Revision | Contents:
        try:
            if isinstance(item, Contents):
                return await _aside(self._contents, item)
            return await _aside(self._revision, item)
        except StartupError as error:
            _logger.error("sealed records can't be opened", extra={"detail": str(error)})  # noqa: TRY400 (no defect)
            return await self._repaired(_number(item))

    async def _repaired(self, number: int) -> Contents:
        """Return the store's contents once they can be opened, none from before that revision."""
        while True:
            await asyncio.sleep(self._retry_seconds)
            with contextlib.suppress(StartupError, StoreUnavailable):
                contents = await self.load()
                if contents.revision >= number:
                    _logger.info("sealed records opened", extra={"revision": contents.revision})
                    return contents

    def _contents(self, contents: Contents) -> Contents:
        return replace(contents, records={key: self._record(record) for key, record in contents.records.items()})

    def _revision(self, revision: Revision) -> Revision:
        changes = tuple(Change(self._maybe(change.before), self._maybe(change.after)) for change in revision.changes)
        return replace(revision, changes=changes)

    def _maybe(self, record: Record | None) -> Record | None:
        return None if record is None else self._record(record)

    def _record(self, record: Record) -> Record:
        value = opened(record.key, record.value, self._ring)
        return record if value is record.value else replace(record, value=value)


async def _aside(work: Callable[[_Many], _Made], item: _Many) -> _Made:
    """Return what the work makes of it, in a thread where it is so much that the event loop would stand still."""
    return work(item) if _size(item) < _MANY else await asyncio.to_thread(work, item)


def _size(item: Contents | Revision | Sequence[Write]) -> int:
    if isinstance(item, Contents):
        return len(item.records)
    return len(item.changes) if isinstance(item, Revision) else len(item)


def _number(item: Revision | Contents) -> int:
    return item.number if isinstance(item, Revision) else item.revision
