"""What workers serve, and the little that leads from one such state to the next."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..store.records import Contents, Key, Record, Revision


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the store holds where that can't be served: its revision, and what makes its records of those that are served."""

    revision: int
    changes: Mapping[Key, Record | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """The file's document, the store's records at a revision of it, and the values of references by their text.

    `ahead` says how the store differs from that, None where it does not. States are never changed. What stays the same
    from one to the next is the same object, which is how it is told.
    """

    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    records: Mapping[Key, Record] = field(default_factory=dict, repr=False)
    revision: int = 0
    references: Mapping[str, str] = field(default_factory=dict, repr=False)
    ahead: Ahead | None = None

    @property
    def stored(self) -> Contents:
        """What the store holds."""
        if self.ahead is None:
            return Contents(self.revision, self.records)
        return Contents(self.ahead.revision, changed_records(self.records, self.ahead.changes))

    def at(self, stored: Contents) -> State:
        """Return the state that serves what the store holds."""
        return replace(self, records=stored.records, revision=stored.revision, ahead=None)

    def behind(self, stored: Contents) -> State:
        """Return the state that serves what this one does, and knows that the store holds something else."""
        return replace(self, ahead=Ahead(stored.revision, _record_changes(self.records, stored.records)))


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes a state of the one before it; None stands for what stays as it is, but for `ahead`, which is told whole.

    An object of the document that stays is told by its former place in its list; a record that is gone by None.
    """

    document: dict[str, Any] | None = field(repr=False)
    records: dict[Key, Record | None] = field(repr=False)
    revision: int
    references: dict[str, str] | None = field(repr=False)
    ahead: Ahead | None


def difference(former: State, latter: State) -> Difference:
    """Return what leads from one state to another."""
    return Difference(
        None if latter.document is former.document else _document_change(former.document, latter.document),
        _record_changes(former.records, latter.records),
        latter.revision,
        None if latter.references is former.references else dict(latter.references),
        latter.ahead,
    )


def applied(state: State, change: Difference) -> State:
    """Return the state that a difference makes of another."""
    document = state.document
    if change.document is not None:
        document = {kind: _listed(items, state.document.get(kind)) for kind, items in change.document.items()}
    return State(
        document,
        changed_records(state.records, change.records),
        change.revision,
        state.references if change.references is None else change.references,
        change.ahead,
    )


def after_revision(records: Mapping[Key, Record], revision: Revision) -> Mapping[Key, Record]:
    """Return the records that a revision makes of those before it."""
    return changed_records(records, {change.key: change.after for change in revision.changes})


def changed_records(records: Mapping[Key, Record], changes: Mapping[Key, Record | None]) -> Mapping[Key, Record]:
    """Return the records with some of them put in, replaced, or, where None stands, taken out."""
    if not changes:
        return records
    changed = dict(records)
    for key, record in changes.items():
        if record is None:
            changed.pop(key, None)
        else:
            changed[key] = record
    return changed


def settled(former: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document with every object in it that a former one held too as that very object.

    Return the former one itself where nothing is different.
    """
    kept = {kind: _kept(former.get(kind), items) for kind, items in document.items()}
    same = kept.keys() == former.keys() and all(kept[kind] is former[kind] for kind in kept)
    return former if same else kept


def settled_records(former: Mapping[Key, Record], records: Mapping[Key, Record]) -> Mapping[Key, Record]:
    """Return the records with those that a former reading held too as the very objects it had."""
    return {key: former[key] if former.get(key) == record else record for key, record in records.items()}


def _kept(former: Any, items: Any) -> Any:
    if not isinstance(items, list) or not isinstance(former, list):
        # Compared by their bytes: in Python true equals 1, and text out of the environment the same text written down.
        return former if _bytes(former) == _bytes(items) else items
    known = {_bytes(item): item for item in former}
    kept = [known.get(_bytes(item), item) for item in items]
    same = len(kept) == len(former) and all(new is old for new, old in zip(kept, former, strict=True))
    return former if same else kept


def _bytes(item: Any) -> bytes:
    return pickle.dumps(item)


def _document_change(former: Mapping[str, Any], latter: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: _moved(former.get(kind), items) for kind, items in latter.items()}


def _moved(former: Any, items: Any) -> Any:
    if not isinstance(items, list):
        return items
    places = {id(item): place for place, item in enumerate(former)} if isinstance(former, list) else {}
    return [places.get(id(item), item) for item in items]


def _listed(items: Any, former: Any) -> Any:
    if not isinstance(items, list):
        return items
    return [former[item] if isinstance(item, int) else item for item in items]


def _record_changes(former: Mapping[Key, Record], latter: Mapping[Key, Record]) -> dict[Key, Record | None]:
    if former is latter:
        return {}
    changes: dict[Key, Record | None] = {key: None for key in former if key not in latter}
    changes.update((key, record) for key, record in latter.items() if former.get(key) is not record)
    return changes
