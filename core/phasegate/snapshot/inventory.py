"""Every resource of a configuration by kind and id, out of the file and the store; unchanged ones are kept as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError
from ..schema.tables import Schemas
from ..store.records import Key, Record
from .references import reference_texts, referred
from .resource import Notes, Refused, Resource, name_key, same
from .slices import Steps

Document = Mapping[str, Any]
Judged = Resource | Refused

_TIMES = ("create_time", "update_time")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a configuration is made of: the file's document, the store's records, the values of references by their text."""

    document: Document = field(default_factory=dict)
    records: Mapping[Key, Record] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The resources of one configuration.

    `kinds` has them by kind and id; where nothing of a kind changed, its mapping is the very one of the inventory before.
    `refused` holds what schemas refuse, `missing` their kinds and ids; with any there is no configuration.
    """

    sources: Sources
    kinds: Mapping[str, Mapping[str, Resource]]
    filed: Mapping[str, Sequence[Judged]]
    recorded: Mapping[Key, Judged]
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
        recorded = yield from self._recorded()
        yield
        kinds = {}
        touched = {kind for kind, _ in _differing(self._former.recorded, recorded)}
        for kind, entries in filed.items():
            if kind in touched or entries is not self._former.filed.get(kind):
                kinds[kind] = self._combined(kind, entries, recorded)
                yield
            else:
                kinds[kind] = self._former.kinds[kind]
        judged = [*(item for items in filed.values() for item in items), *recorded.values()]
        refused = [item for item in judged if isinstance(item, Refused)] if self._notes.errors else []
        missing = frozenset(key for item in refused if (key := item.key) is not None)
        return Inventory(self._sources, kinds, filed, recorded, refused, missing)

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

    def _recorded(self) -> Steps[Mapping[Key, Judged]]:
        records, former = self._sources.records, self._former.recorded
        recorded = dict(former)
        for key in former.keys() - records.keys():
            del recorded[key]
        yield
        for record in [record for key, record in records.items() if self._is_new(former.get(key), record)]:
            recorded[record.key] = self._judged_record(record)
            yield
        return recorded

    def _is_new(self, known: Judged | None, record: Record) -> bool:
        if not isinstance(known, Resource) or not isinstance(known.raw, Record):
            return True
        if known.raw is not record and (known.raw.created != record.created or not same(known.raw.value, record.value)):
            return True
        return bool(self._stale) and not known.texts.isdisjoint(self._stale)

    def _judged_record(self, record: Record) -> Judged:
        path = f"{record.kind}/{record.id}"
        value = {key: item for key, item in record.value.items() if key not in _TIMES}
        value[name_key(record.kind)] = record.id.rpartition("/")[2]
        if record.kind not in self._schemas.kinds:
            self._notes.error(path, f"there are no {record.kind} in this version: remove it")
            return Refused(record.kind, path, {})
        return self._judged(record.kind, value, record, path=path, order=record.created)

    def _judged(self, kind: str, entry: object, raw: object, *, path: str, order: int) -> Judged:
        texts = frozenset(reference_texts(entry))
        filled = referred(entry, self._sources.references) if texts else entry
        value, findings = self._schemas.judge(kind, filled, path)
        if findings:
            self._notes.errors += findings
            return Refused(kind, path, filled)
        source, id_ = ("admin", raw.id) if isinstance(raw, Record) else ("file", value[name_key(kind)])
        return Resource(id_, path, f"{kind}/{id_}", value, source, order, raw, texts)  # type: ignore[arg-type]

    def _combined(self, kind: str, filed: Iterable[Judged], recorded: Mapping[Key, Judged]) -> Mapping[str, Resource]:
        held: dict[str, Resource] = {}
        for item in (*filed, *_of_kind(kind, recorded)):
            if not isinstance(item, Resource):
                continue
            other = held.setdefault(item.id, item)
            if other is not item:
                where = f"{item.path}.{name_key(kind)}"
                self._notes.error(where, f"{item.id!r} is taken by {other.path}: choose another")
        return held


def _of_kind(kind: str, recorded: Mapping[Key, Judged]) -> Iterator[Judged]:
    return (item for (its, _), item in recorded.items() if its == kind)


def _changed_texts(former: Mapping[str, str], now: Mapping[str, str]) -> frozenset[str]:
    """Return the references that stand for another value than before."""
    if former == now:
        return frozenset()
    return frozenset(text for text in former.keys() | now.keys() if former.get(text) != now.get(text))


def _differing(former: Mapping[Key, Judged], now: Mapping[Key, Judged]) -> Iterator[Key]:
    yield from former.keys() - now.keys()
    yield from (key for key, item in now.items() if former.get(key) is not item)
