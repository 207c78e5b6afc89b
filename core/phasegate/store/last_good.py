"""The last good configuration on disk: a node starts with it when its store is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from .changes import revised
from .durable import replace_file
from .packing import pack, unpack_contents
from .records import Contents, Revision, Store, StoreUnavailable, Summary, Write

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5
_BEFORE_EVERYTHING = -1


class Kept:
    """A store whose contents are kept in a file as well, from which `load` takes them when the store can't be reached.

    Only what is said to be served is kept, once that was loaded or watched. The file is written at most twice a second,
    and holds what the store does: secrets stay sealed if they are in there.
    """

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._path = path
        self._is_away = False
        self._seen: Contents | None = None
        """What the store is known to hold."""
        self._served: int | None = None
        """Which revision of it is served, None while none is known to be."""
        self._contents: Contents | None = None
        """What is to be in the file."""
        self._written: Contents | None = None
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def load(self) -> Contents:
        """Return the store's contents, or the kept ones. Raise StoreUnavailable where there are neither."""
        try:
            contents = await self._store.load()
            self._is_away = False
        except StoreUnavailable as error:
            self._is_away = True
            contents = self._written = await asyncio.to_thread(self._read, error)
            fields = {"file": str(self._path), "revision": contents.revision, "cause": str(error)}
            logger.warning("store away, serving the last good configuration", extra=fields)
        self._see(contents)
        return contents

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        """Write to the store. Raise Conflict or StoreUnavailable."""
        return await self._store.apply(writes, base=base, author=author, note=note)

    async def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        """Yield what the store does.

        After a start without the store its whole contents come first: it may have become another one, and a revision's
        number alone would not tell.
        """
        news = self._store.watch(_BEFORE_EVERYTHING if self._is_away else after)
        self._is_away = False
        async with contextlib.aclosing(news):  # type: ignore[type-var]
            async for item in news:
                self._see(item)
                yield item

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return the store's newest revisions. Raise StoreUnavailable."""
        return await self._store.revisions(before=before, after=after, limit=limit)

    async def key_ids(self) -> frozenset[str]:
        """Return the ids of the keys that the store was used with. Raise StoreUnavailable."""
        return await self._store.key_ids()

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        """Note ids in the store, where these are known. Raise StoreUnavailable."""
        return await self._store.note_key_ids(ids, known=known)

    async def last_good(self) -> Contents | None:
        """Return the kept contents, None where there are none or they are what was loaded."""
        try:
            kept = await asyncio.to_thread(self._read, StoreUnavailable("nothing is kept"))
        except StoreUnavailable:
            return None
        return None if kept == self._seen else kept

    def served(self, revision: int) -> None:
        """Keep what the store holds at that revision, which may still be to be seen."""
        self._served = revision
        self._keep_served()

    async def packed_revision(self, number: int) -> bytes | None:
        """Return a revision as the store keeps it. Raise StoreUnavailable."""
        return await self._store.packed_revision(number)

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the store's newest summaries. Raise StoreUnavailable."""
        return await self._store.summaries(before=before, limit=limit)

    async def close(self) -> None:
        """Finish writing, and close the store."""
        self._closing.set()
        if self._writing is not None:
            await self._writing
        await self._store.close()

    def _see(self, item: Revision | Contents) -> None:
        if isinstance(item, Contents):
            # It may be another store than the one whose revision is served.
            self._seen, self._served = item, None
        elif self._seen is not None and item.number == self._seen.revision + 1:
            self._seen = revised(self._seen, item)
            self._keep_served()

    def _keep_served(self) -> None:
        if self._seen is None or self._seen.revision != self._served or self._seen is self._contents:
            return
        self._contents = self._seen
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._contents is not None and self._contents is not self._written:
            contents = self._contents
            try:
                await asyncio.to_thread(self._replace, contents)
            except OSError as error:
                fields = {"file": str(self._path), "cause": error.strerror}
                logger.warning("last good configuration can't be kept", extra=fields)
            self._written = contents
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _PAUSE_SECONDS)

    def _replace(self, contents: Contents) -> None:
        replace_file(self._path, pack(contents))

    def _read(self, away: StoreUnavailable) -> Contents:
        try:
            data = self._path.read_bytes()
        except OSError:
            raise away from None
        return unpack_contents(data, str(self._path))
