"""What there is, out of the file and the store, as the Admin API shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..store.records import Key, Record, Value
from .desk import View
from .kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource; `file` names the file that owns it, and is empty where the store does."""

    kind: Kind
    id: str
    value: Value = field(repr=False)
    created: int = 0
    modified: int = 0
    file: str = ""

    @property
    def key(self) -> Key:
        """What its record is found by."""
        return self.kind.name, self.id

    def shown(self, value: Value) -> dict[str, Any]:
        """Return the envelope that answers give it in, with the value as the reader may see it."""
        return {
            "key": self.kind.path(self.id),
            "value": value,
            "createdIndex": self.created,
            "modifiedIndex": self.modified,
        }


class Catalogue:
    """The resources of one view: those of the file first, in its order, then the store's by their age."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._filed: dict[str, dict[str, Entry]] = {}

    def find(self, kind: Kind, id_: str) -> Entry | None:
        """Return the resource of that id, None where there is none."""
        record = self.view.records.get((kind.name, id_))
        return self.filed(kind, id_) if record is None else _entry(kind, record)

    def filed(self, kind: Kind, id_: str) -> Entry | None:
        """Return the file's resource of that id, None where there is none. The store's is then one too many."""
        if kind.name not in self._filed:
            self._filed[kind.name] = {entry.id: entry for entry in self._of_file(kind)}
        return self._filed[kind.name].get(id_)

    def all(self, kind: Kind) -> Iterator[Entry]:
        """Yield every resource of a kind, sorted by when it was made."""
        yield from self._of_file(kind)
        records = [record for record in self.view.records.values() if record.kind == kind.name]
        yield from (_entry(kind, record) for record in sorted(records, key=lambda record: (record.created, record.id)))

    def where(self, kind: Kind, holds: Callable[[Value], bool]) -> Iterator[Entry]:
        """Yield the resources of a kind whose value passes a test, in no order."""
        yield from (entry for entry in self._of_file(kind) if holds(entry.value))
        records = (record for record in self.view.records.values() if record.kind == kind.name)
        yield from (_entry(kind, record) for record in records if holds(record.value))

    def credentials(self, username: str) -> list[Entry]:
        """Return the credentials of a consumer."""
        return [entry for entry in self.all(KINDS["credentials"]) if entry.id.startswith(f"{username}/")]

    def _of_file(self, kind: Kind) -> Iterator[Entry]:
        items = self.view.document.get(kind.name, ())
        for item in items if isinstance(items, (list, tuple)) else ():
            id_ = kind.id_of(item) if isinstance(item, Mapping) else None
            if id_ is not None:
                yield Entry(kind, id_, item, file=self.view.file or "the file")


def _entry(kind: Kind, record: Record) -> Entry:
    return Entry(kind, record.id, record.value, record.created, record.modified)
