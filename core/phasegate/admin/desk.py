"""What the Admin API asks of the process it runs in: the present configuration, and changes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import PhasegateError
from ..store.records import Key, Record, Revision, StoreUnavailable, Summary, Write


@dataclass(frozen=True, slots=True)
class View:
    """The configuration: the file's document that this worker serves, and the store's records at `revision`.

    The records are what is served too, but where another node wrote what this one can't serve.
    `file` names the file for messages; `writable` is False where no store is configured.
    """

    document: Mapping[str, Any] = field(repr=False)
    records: Mapping[Key, Record] = field(repr=False)
    revision: int
    file: str = ""
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that somebody wants: all of it becomes one revision, or nothing does.

    `expected` holds, for each record that the change was made from, the revision that last changed it, None for one that
    was not there, and `base` the revision that the whole store has to be at, None where that does not matter. With `dry_run`
    everything is judged and nothing written.
    """

    writes: tuple[Write, ...]
    expected: Mapping[Key, int | None]
    author: str
    note: str
    dry_run: bool = False
    base: int | None = None


class NotServed(StoreUnavailable):
    """No change was made, for workers did not say in time that they can serve it; the store is well."""


class NotEverywhere(PhasegateError):
    """A change is written and served, but some workers did not say in time that they serve it too."""

    def __init__(self, revision: Revision, slots: list[int]) -> None:
        super().__init__(revision, slots)
        self.revision = revision
        self.slots = slots

    def __str__(self) -> str:
        names = ", ".join(str(slot) for slot in self.slots)
        return f"written as revision {self.revision.number}, but not yet served by worker {names}"


class Desk(Protocol):
    """Where proposals are handed in."""

    @property
    def view(self) -> View:
        """The configuration as it is now; read it anew after each await."""

    async def propose(self, proposal: Proposal, *, everywhere: bool = False) -> Revision:
        """Make a change: it is judged whole, written, and served by this worker when this returns.

        With `everywhere` every worker of this node serves it by then. Raise ConfigError with every finding (paths such as
        `routes/1.plugins.aws-lambda.timeout`) where it is refused, Conflict where a record is not as `expected`,
        StoreUnavailable where it can't be written, NotEverywhere where it is, and `everywhere` did not come true in time.
        """

    async def revisions(self, *, before: int | None = None, limit: int = 50) -> list[Revision]:
        """Return the newest revisions, newest first. Raise StoreUnavailable."""

    async def packed_revision(self, number: int) -> bytes | None:
        """Return one revision as the store keeps it, packed and secrets sealed, None where it is not kept.

        Raise StoreUnavailable.
        """

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the summaries of the newest revisions, newest first. Raise StoreUnavailable."""
