"""What a proposal comes to in the store, and whether it still can."""

from __future__ import annotations

import time

from ..admin.desk import Proposal
from ..store.records import Change, Contents, Record, Revision, Write


def is_outdated(proposal: Proposal, stored: Contents) -> bool:
    """Tell whether what the proposal was made from is not there any more."""
    if proposal.base is not None and proposal.base != stored.revision:
        return True
    for key, modified in proposal.expected.items():
        record = stored.records.get(key)
        if modified != (None if record is None else record.modified):
            return True
    return False


def revision_of(proposal: Proposal, stored: Contents) -> Revision:
    """Return what the proposal's revision will be."""
    number = stored.revision + 1
    changes = tuple(_change(write, stored.records.get(write.key), number) for write in proposal.writes)
    return Revision(number, time.time(), proposal.author, proposal.note, changes)


def _change(write: Write, before: Record | None, number: int) -> Change:
    if write.value is None:
        return Change(before, None)
    created = before.created if before else number
    return Change(before, Record(write.kind, write.id, write.value, created, number))
