"""The store that is none: the file alone configures the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from .records import Contents, NothingKept, Revision, StoreUnavailable, Summary, Write


class NoStore(NothingKept):
    """Holds nothing and takes nothing."""

    async def load(self) -> Contents:
        """Return nothing, at revision 0."""
        return Contents(0, {})

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        """Raise StoreUnavailable."""
        raise StoreUnavailable("there is no store to write to: let resources.store in gateway.yaml name one")

    async def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        """Wait for ever."""
        await asyncio.Event().wait()
        yield Contents(0, {})

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return none."""
        return []

    async def key_ids(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        """Return True, as if it were noted."""
        return True

    async def packed_revision(self, number: int) -> bytes | None:
        """Return nothing."""
        return None

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return none."""
        return []

    async def close(self) -> None:
        """Do nothing."""
