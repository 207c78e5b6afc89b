"""What writes do to records, and what a revision does to contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from .records import Change, Contents, Key, Record, Revision, Summary, Touched, Write

# What a list of 500 revisions holds at most is packed and unpacked within a few milliseconds.
_SUMMED = 20


def changes_of(writes: Iterable[Write], records: Mapping[Key, Record], number: int) -> tuple[Change, ...]:
    """Return what the writes change as revision `number`, given at least the records that they name.

    The last of several writes to one key holds; deleting what is not there changes nothing.
    """
    changes = (
        _change(write, records.get(write.key), number) for write in {write.key: write for write in writes}.values()
    )
    return tuple(change for change in changes if change.before or change.after)


def revised(contents: Contents, revision: Revision) -> Contents:
    """Return what the contents are after the revision that follows them."""
    records = dict(contents.records)
    for change in revision.changes:
        if change.after is None:
            records.pop(change.key, None)
        else:
            records[change.key] = change.after
    return Contents(revision.number, records)


def touched(change: Change) -> Touched:
    """Return which record a change is of, and whether it was made, changed or deleted."""
    action: Literal["create", "update", "delete"] = "update"
    if change.before is None:
        action = "create"
    elif change.after is None:
        action = "delete"
    return Touched(*change.key, action)


def summary_of(revision: Revision) -> Summary:
    """Return the summary of a revision."""
    first = tuple(touched(change) for change in revision.changes[:_SUMMED])
    return Summary(revision.number, revision.time, revision.author, revision.note, first, len(revision.changes))


def _change(write: Write, before: Record | None, number: int) -> Change:
    if write.value is None:
        return Change(before, None)
    created = before.created if before else number
    return Change(before, Record(write.kind, write.id, write.value, created, number))
