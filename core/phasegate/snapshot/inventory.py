"""Every resource of a configuration by kind and id, out of the file and the store; unchanged ones are kept as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, Finding
from ..references import Use, filled, used
from ..schema.tables import Schemas
from ..store.records import Key, Record
from .resource import Notes, Refused, Resource, name_key, same
from .slices import Steps

Document = Mapping[str, Any]
Judged = Resource | Refused

_TIMES = ("create_time", "update_time")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a configuration is made of: the file's document, the store's records, the values of references by their text.

    None of them is changed afterwards: a change comes as another mapping, in which what stayed is the same object.
    """

    document: Document = field(default_factory=dict, repr=False)
    records: Mapping[Key, Record] = field(default_factory=dict, repr=False)
    references: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The resources of one configuration.

    `kinds` has them by kind and id, `changed` the ids of each kind that are not as they were in the inventory before.
    `refused` holds what schemas refuse, `missing` their kinds and ids; with any there is no configuration.
    """

    sources: Sources
    kinds: Mapping[str, Mapping[str, Resource]]
    filed: Mapping[str, Sequence[Judged]]
    recorded: Mapping[Key, Judged]
    changed: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    refused: Sequence[Refused] = ()
    missing: frozenset[Key] = frozenset()

    @classmethod
    def empty(cls, schemas: Schemas) -> Inventory:
        """Return the inventory of nothing."""
        return cls(Sources(), {kind: {} for kind in schemas.kinds}, {}, {})


def taking_stock(sources: Sources, schemas: Schemas, former: Inventory, notes: Notes) -> Steps[Inventory]:
    """Return the inventory, in steps, and note what is wrong with any resource in itself.

    Raise ConfigError for a document that is none.
    """
    return (yield from _Stocktaking(sources, schemas, former, notes).steps())


class _Stocktaking:
    def __init__(self, sources: Sources, schemas: Schemas, former: Inventory, notes: Notes) -> None:
        self._sources = sources
        self._schemas = schemas
        self._former = former
        self._notes = notes
        self._stale = _changed_texts(former.sources.references, sources.references)

    def steps(self) -> Steps[Inventory]:
        filed = yield from self._filed()
        yield
        recorded, moved = yield from self._recorded()
        kinds: dict[str, Mapping[str, Resource]] = {}
        changed: dict[str, AbstractSet[str]] = {}
        for kind, entries in filed.items():
            kinds[kind], changed[kind] = yield from self._kind(kind, entries, recorded, moved.get(kind, {}))
        yield
        judged = (
            [*(item for items in filed.values() for item in items), *recorded.values()] if self._notes.errors else ()
        )
        refused = [item for item in judged if isinstance(item, Refused)]
        missing = frozenset(key for item in refused if (key := item.key) is not None)
        return Inventory(self._sources, kinds, filed, recorded, changed, refused, missing)

    def _filed(self) -> Steps[dict[str, Sequence[Judged]]]:
        document, former = self._sources.document, self._former
        if document is former.sources.document and not self._stale and former.filed:
            return dict(former.filed)
        # Lists alone are looked at here, without their entries: those are judged one by one.
        shape = {kind: [] if isinstance(entries, list) else entries for kind, entries in document.items()}
        _, findings = self._schemas.document.validate(shape)
        if findings:
            raise ConfigError(findings)
        filed: dict[str, Sequence[Judged]] = {}
        for kind in self._schemas.kinds:
            entries = document.get(kind, ())
            filed[kind] = yield from self._entries(kind, entries if isinstance(entries, list) else ())
        return filed

    def _entries(self, kind: str, entries: Sequence[object]) -> Steps[Sequence[Judged]]:
        former = self._former.filed.get(kind, ())
        judged: list[Judged] = []
        for index, entry in enumerate(entries):
            known = former[index] if index < len(former) else None
            if isinstance(known, Resource) and same(known.raw, entry) and not known.texts & self._stale:
                judged.append(known)
            else:
                judged.append(self._judged(kind, entry, entry, path=f"{kind}[{index}]", order=index))
            yield
        unchanged = len(judged) == len(former) and all(new is old for new, old in zip(judged, former, strict=True))
        return former if unchanged else judged

    def _recorded(self) -> Steps[tuple[Mapping[Key, Judged], Mapping[str, dict[str, None]]]]:
        """Return the store's resources, and the ids that changed of each kind."""
        records, former = self._sources.records, self._former.sources.records
        if records is former and not self._stale:
            return self._former.recorded, {}
        recorded = dict(self._former.recorded)
        gone = recorded.keys() - records.keys()
        for key in gone:
            del recorded[key]
        yield
        if self._stale:
            new = list(records.values())
        else:
            new = [record for key, record in records.items() if former.get(key) is not record]
        yield
        moved: dict[str, dict[str, None]] = {}
        for kind, id_ in gone:
            moved.setdefault(kind, {})[id_] = None
        for record in new:
            if self._is_new(recorded.get(record.key), record):
                recorded[record.key] = self._judged_record(record)
                moved.setdefault(record.kind, {})[record.id] = None
            yield
        return recorded, moved

    def _is_new(self, known: Judged | None, record: Record) -> bool:
        if not isinstance(known, Resource) or not isinstance(known.raw, Record):
            return True
        if known.raw is not record and (known.raw.created != record.created or not same(known.raw.value, record.value)):
            return True
        return bool(self._stale) and not known.texts.isdisjoint(self._stale)

    def _judged_record(self, record: Record) -> Judged:
        path = f"{record.kind}/{record.id}"
        value = {key: item for key, item in record.value.items() if key not in _TIMES}
        # A credential is called by the last part of its id alone: the first is its consumer's.
        value[name_key(record.kind)] = record.id.rpartition("/")[2] if record.kind == "credentials" else record.id
        if record.kind not in self._schemas.kinds:
            self._notes.error(path, f"there are no {record.kind} in this version: remove it")
            return Refused(record.kind, path, {})
        return self._judged(record.kind, value, record, path=path, order=record.created)

    def _judged(self, kind: str, entry: object, raw: object, *, path: str, order: int) -> Judged:
        uses = used(entry, path)
        unknown = [use for use in uses if use.text not in self._sources.references]
        if unknown:
            self._notes.errors += map(_unresolved, unknown)
            return Refused(kind, path, {})
        found = filled(entry, self._sources.references) if uses else entry
        value, findings = self._schemas.judge(kind, found, path)
        if findings:
            self._notes.errors += findings
            return Refused(kind, path, found)
        texts = frozenset(use.text for use in uses)
        source, id_ = ("admin", raw.id) if isinstance(raw, Record) else ("file", value[name_key(kind)])
        return Resource(id_, path, f"{kind}/{id_}", value, source, order, raw, texts)  # type: ignore[arg-type]

    def _kind(
        self, kind: str, filed: Sequence[Judged], recorded: Mapping[Key, Judged], moved: dict[str, None]
    ) -> Steps[tuple[Mapping[str, Resource], AbstractSet[str]]]:
        """Return the resources of a kind, and the ids that are not as they were."""
        yield
        former = self._former.kinds[kind]
        if filed is not self._former.filed.get(kind, ()):
            held = yield from self._combined(kind, filed, recorded)
            return held, _differing(former, held)
        return (yield from self._amended(kind, recorded, moved)) if moved else former, moved.keys()

    def _amended(
        self, kind: str, recorded: Mapping[Key, Judged], moved: Iterable[str]
    ) -> Steps[Mapping[str, Resource]]:
        """Return the resources of a kind whose part in the file is as before."""
        held = dict(self._former.kinds[kind])
        for id_ in moved:
            if id_ in held and held[id_].source == "admin":
                del held[id_]
            yield
        for id_ in moved:
            self._hold(kind, held, recorded.get((kind, id_)))
            yield
        return held

    def _combined(
        self, kind: str, filed: Iterable[Judged], recorded: Mapping[Key, Judged]
    ) -> Steps[Mapping[str, Resource]]:
        """Return the resources of a kind whose part in the file changed."""
        held: dict[str, Resource] = {}
        for item in (*filed, *(item for (its, _), item in recorded.items() if its == kind)):
            self._hold(kind, held, item)
            yield
        return held

    def _hold(self, kind: str, held: dict[str, Resource], item: Judged | None) -> None:
        if not isinstance(item, Resource):
            return
        other = held.setdefault(item.id, item)
        if other is not item:
            where = f"{item.path}.{name_key(kind)}"
            self._notes.error(where, f"{item.id!r} is taken by {other.path}: choose another")


def _unresolved(use: Use) -> Finding:
    return Finding(use.path, f"reference {use.text} has not been resolved")


def _changed_texts(former: Mapping[str, str], now: Mapping[str, str]) -> frozenset[str]:
    """Return the references that stand for another value than before."""
    if former == now:
        return frozenset()
    return frozenset(text for text in former.keys() | now.keys() if former.get(text) != now.get(text))


def _differing(former: Mapping[str, Resource], now: Mapping[str, Resource]) -> AbstractSet[str]:
    new = (id_ for id_, item in now.items() if former.get(id_) is not item)
    return dict.fromkeys([*(former.keys() - now.keys()), *new]).keys()
