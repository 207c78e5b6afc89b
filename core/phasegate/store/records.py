"""What the Admin API writes: records by kind and id, changed in numbered revisions, behind one small interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..errors import PhasegateError

Key = tuple[str, str]
"""A kind (`routes`) and an id within it. A credential is of kind `credentials` with the id `username/id`."""

Value = Mapping[str, Any]

KEPT_REVISIONS = 1000
"""How many revisions a store keeps; each write removes what is older."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resource as it was written; `created` and `modified` are the revisions that made it and last changed it."""

    kind: str
    id: str
    value: Value = field(repr=False)
    created: int
    modified: int

    def __reduce__(self) -> tuple[type[Record], tuple[str, str, Value, int, int]]:
        """Return what a pickle holds. What dataclasses do for themselves takes twice as long, of a start among others."""
        return Record, (self.kind, self.id, self.value, self.created, self.modified)

    @property
    def key(self) -> Key:
        """What the record is found by."""
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Write:
    """What a record is to become; `value` None deletes it."""

    kind: str
    id: str
    value: Value | None = field(repr=False)

    @property
    def key(self) -> Key:
        """The key of the record that is meant."""
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Change:
    """What a record was before a revision and after it, None where there was or is none."""

    before: Record | None
    after: Record | None

    @property
    def key(self) -> Key:
        """The key of the record that changed. Raise ValueError for a change of nothing."""
        record = self.after or self.before
        if record is None:
            raise ValueError("a change needs a record before it or after it")
        return record.key


@dataclass(frozen=True, slots=True)
class Touched:
    """A record that a revision made, changed or deleted, without what it was and became."""

    kind: str
    id: str
    action: Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One accepted change of the store: its number, when (in seconds since 1970), whose, and what it did."""

    number: int
    time: float
    author: str
    note: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list tells of a revision, which may be large itself: the first records that it touched, and how many in all."""

    number: int
    time: float
    author: str
    note: str
    touched: tuple[Touched, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Every record of a store at one revision, 0 for a store that nobody has written to."""

    revision: int
    records: Mapping[Key, Record]


class Conflict(PhasegateError):
    """The store has moved on from the revision that a write was based on; nothing was written."""


class StoreUnavailable(PhasegateError):
    """The store can't be reached or read; a write that was under way may or may not be there."""


class Store(Protocol):
    """Where records are kept. Revisions count 1, 2, 3 without a gap, and each is there whole or not at all."""

    async def load(self) -> Contents:
        """Return everything. Raise StoreUnavailable."""

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        """Write everything as revision `base + 1`, durable when this returns.

        Raise Conflict where the store is not at `base` any more, StoreUnavailable where it can't be reached.
        """

    def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        """Yield each revision after that one, those made here too, as soon as it is there, in order and without a gap.

        Yield the whole contents instead where what happened in between can't be told any more. It goes on through
        failures of the store, which are logged once each, until it is closed.
        """

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return the newest revisions that are kept, newest first. Raise StoreUnavailable.

        They are under `before` and over `after`; nothing else is read.
        """

    async def packed_revision(self, number: int) -> bytes | None:
        """Return one revision packed, as it is kept: secrets are sealed in it if they are at all. None where it is not kept.

        Raise StoreUnavailable.
        """

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the summaries of the newest revisions under `before`, newest first. Raise StoreUnavailable."""

    async def key_ids(self) -> frozenset[str]:
        """Return the ids of the keys that nodes have used the store with, none for a new one. Raise StoreUnavailable."""

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        """Have `key_ids` return these ids from now on, if it would return the known ones; tell whether it did.

        Raise StoreUnavailable.
        """

    async def last_good(self) -> Contents | None:
        """Return what was served last as it is kept here, None where that is not kept or is what was loaded."""

    def served(self, revision: int) -> None:
        """Note that what the store holds at a revision is served now, and so worth to be kept."""

    async def close(self) -> None:
        """Give up connections and files."""


class NothingKept:
    """What a store says of a last good copy that keeps none."""

    async def last_good(self) -> Contents | None:
        """Return None."""
        return None

    def served(self, revision: int) -> None:
        """Do nothing."""
