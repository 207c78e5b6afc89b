"""Records, revisions and contents as the JSON that stores keep.

What may be large has a line for each of its parts, so that it is packed and unpacked part by part: in a thread it then
leaves the interpreter to the others, where one large piece of JSON would hold it for its whole length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import orjson

from .records import Change, Contents, Record, Revision, StoreUnavailable, Summary, Touched

_T = TypeVar("_T")


def pack(value: Record | Revision | Summary | Contents) -> bytes:
    """Return it as a JSON object with a key for each field; the records of contents are a list."""
    if isinstance(value, Contents):
        return _lines({"revision": value.revision}, "records", value.records.values())
    if isinstance(value, Revision):
        head = {"number": value.number, "time": value.time, "author": value.author, "note": value.note}
        return _lines(head, "changes", value.changes)
    return orjson.dumps(value)


def unpack_record(data: bytes, where: str) -> Record:
    """Return a packed record. Raise StoreUnavailable, naming where it stands, if there is none."""
    return _unpack(data, where, lambda data: _record(orjson.loads(data)))


def unpack_revision(data: bytes, where: str) -> Revision:
    """Return a packed revision. Raise StoreUnavailable, naming where it stands, if there is none."""
    return _unpack(data, where, _revision)


def unpack_changes(data: bytes, where: str) -> tuple[Revision, Iterator[Change]]:
    """Return a packed revision without its changes, and these one by one, so that few of them are there at a time.

    Raise StoreUnavailable, naming where it stands, if there is none, and so does the iterator.
    """
    head, lines = _unpack(data, where, _separated)
    revision = _unpack(head, where, _revision)
    return revision, (_unpack(line, where, lambda line: _change(orjson.loads(line))) for line in lines)


def unpack_summary(data: bytes, where: str) -> Summary:
    """Return a packed summary. Raise StoreUnavailable, naming where it stands, if there is none."""
    return _unpack(data, where, lambda data: _summary(orjson.loads(data)))


def unpack_contents(data: bytes, where: str) -> Contents:
    """Return packed contents. Raise StoreUnavailable, naming where they stand, if there are none."""
    return _unpack(data, where, _contents)


def _lines(head: Mapping[str, Any], name: str, parts: Iterable[Any]) -> bytes:
    """Return a JSON object that ends with a list, each part of that on a line of its own."""
    return b'%b,"%b":[\n%b\n]}' % (orjson.dumps(head)[:-1], name.encode(), b",\n".join(map(orjson.dumps, parts)))


def _parts(data: bytes, name: str) -> tuple[Any, list[Any]]:
    """Return the object, and the parts of its list."""
    head, lines = _separated(data)
    found = orjson.loads(head)
    return found, [*found[name], *map(orjson.loads, lines)]


def _separated(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return what `_lines` made of it: the object with an empty list, and each part of the list."""
    first, *lines = data.split(b"\n")
    return b"".join([first, *lines[-1:]]), [line.removesuffix(b",") for line in lines[:-1] if line]


def _unpack(data: bytes, where: str, build: Callable[[bytes], _T]) -> _T:
    try:
        return build(data)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreUnavailable(
            f"{where} holds something else than Phasegate wrote: restore it from a backup"
        ) from error


def _record(found: Any) -> Record:
    return Record(found["kind"], found["id"], found["value"], found["created"], found["modified"])


def _revision(data: bytes) -> Revision:
    found, changes = _parts(data, "changes")
    return Revision(found["number"], found["time"], found["author"], found["note"], tuple(map(_change, changes)))


def _summary(found: Any) -> Summary:
    touched = tuple(Touched(item["kind"], item["id"], item["action"]) for item in found["touched"])
    return Summary(found["number"], found["time"], found["author"], found["note"], touched, found["total"])


def _change(found: Any) -> Change:
    before, after = found["before"], found["after"]
    return Change(_record(before) if before else None, _record(after) if after else None)


def _contents(data: bytes) -> Contents:
    found, parts = _parts(data, "records")
    records = [_record(item) for item in parts]
    return Contents(found["revision"], {record.key: record for record in records})
