"""Records, revisions and contents as the JSON that stores keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from .records import Change, Contents, Record, Revision, StoreUnavailable

_T = TypeVar("_T")


def pack(value: Record | Revision | Contents) -> bytes:
    """Return it as a JSON object with a key for each field; the records of contents are a list."""
    if isinstance(value, Contents):
        return orjson.dumps({"revision": value.revision, "records": list(value.records.values())})
    return orjson.dumps(value)


def unpack_record(data: bytes, where: str) -> Record:
    """Return a packed record. Raise StoreUnavailable, naming where it stands, if there is none."""
    return _unpack(data, where, _record)


def unpack_revision(data: bytes, where: str) -> Revision:
    """Return a packed revision. Raise StoreUnavailable, naming where it stands, if there is none."""
    return _unpack(data, where, _revision)


def unpack_contents(data: bytes, where: str) -> Contents:
    """Return packed contents. Raise StoreUnavailable, naming where they stand, if there are none."""
    return _unpack(data, where, _contents)


def _unpack(data: bytes, where: str, build: Callable[[Any], _T]) -> _T:
    try:
        return build(orjson.loads(data))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StoreUnavailable(
            f"{where} holds something else than Phasegate wrote: restore it from a backup"
        ) from error


def _record(found: Any) -> Record:
    return Record(found["kind"], found["id"], found["value"], found["created"], found["modified"])


def _revision(found: Any) -> Revision:
    changes = tuple(_change(change) for change in found["changes"])
    return Revision(found["number"], found["time"], found["author"], found["note"], changes)


def _change(found: Any) -> Change:
    before, after = found["before"], found["after"]
    return Change(_record(before) if before else None, _record(after) if after else None)


def _contents(found: Any) -> Contents:
    records = [_record(item) for item in found["records"]]
    return Contents(found["revision"], {record.key: record for record in records})
