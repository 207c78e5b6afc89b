"""What the writes of a revision change, place by place, secrets masked."""

from __future__ import annotations

from typing import Any

from ..store.records import Change, Record, Revision
from .answers import answer
from .differences import differing
from .history import outcome
from .masking import Masking
from .values import without_times


class Details:
    """Tells of each record how it is before and after, and at which places the two differ."""

    def __init__(self, masking: Masking) -> None:
        self._masking = masking

    def body(self, revision: Revision) -> Any:
        """Return the body of an answer that tells of a revision's changes."""
        told = outcome(revision, revision.number)
        pairs = zip(told["changes"], revision.changes, strict=True)
        return answer({**told, "changes": [{**head, **self._of(change)} for head, change in pairs]}).body

    def _of(self, change: Change) -> dict[str, Any]:
        kind, id_ = change.key
        before, after = _value(change.before), _value(change.after)
        places = list(differing(before, after)) if before is not None and after is not None else []
        shown = {
            name: None if value is None else self._masking.covered(change.key, value)
            for name, value in (("before", before), ("after", after))
        }
        return {"kind": kind, "id": id_, **shown, "differences": places}


def _value(record: Record | None) -> dict[str, Any] | None:
    return None if record is None else without_times(record.value)
