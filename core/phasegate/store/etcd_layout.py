"""Where everything of a store lies in etcd, and how a revision is cut into what etcd takes at once.

PREFIX/head                         the number of the last revision
PREFIX/revisions/NUMBER             that revision, with what it changed, and an id that only its writer knows
PREFIX/summaries/NUMBER             its summary
PREFIX/records/KIND/ID              one record
PREFIX/parts/NUMBER/ID/INDEX        a piece of a revision that is too large for one key
PREFIX/pending                      the number of a revision whose records are not all written yet
PREFIX/keys                         the ids of the keys of the ring that seals the records' secrets
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import ConfigError, Finding
from .changes import summary_of
from .etcd_messages import Operation, delete, delete_range, end_of, put
from .packing import pack
from .records import KEPT_REVISIONS, Change, Key, Revision

# By default etcd takes 128 operations and 1.5 MiB in a transaction.
_MOST_OPERATIONS = 100
_MOST_BYTES = 1 << 20
_PART_BYTES = 1 << 19
_PARTS = b"parts "


class Keys:
    """The keys of one store; revisions sort as they count."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.head = f"{prefix}/head"
        self.pending = f"{prefix}/pending"
        self.keys = f"{prefix}/keys"
        self.records = f"{prefix}/records/"
        self.records_end = end_of(self.records)
        self.revisions_end = end_of(f"{prefix}/revisions/")
        self.summaries_end = end_of(f"{prefix}/summaries/")

    def revision(self, number: int) -> str:
        """Return where a revision lies."""
        return f"{self._prefix}/revisions/{max(number, 0):016}"

    def summary(self, number: int) -> str:
        """Return where the summary of a revision lies."""
        return f"{self._prefix}/summaries/{max(number, 0):016}"

    def record(self, key: Key) -> str:
        """Return where a record lies."""
        return f"{self.records}{key[0]}/{key[1]}"

    def parts(self, number: int, name: str = "") -> str:
        """Return what the keys of a revision's parts begin with, those that one writer made alone."""
        return f"{self._prefix}/parts/{max(number, 0):016}/{name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A revision as it goes into etcd.

    Where it fits, `commit` writes everything. Otherwise `parts` go first, `commit` makes them count, and its records
    follow. Parts that never came to count are removed with the revisions of their number.
    """

    value: bytes = field(repr=False)
    commit: list[Operation] = field(repr=False)
    parts: list[Operation] = field(repr=False)


def entry_of(keys: Keys, revision: Revision) -> Entry:
    """Cut a revision. Raise ConfigError for a record that etcd takes under no circumstances."""
    name, packed = secrets.token_hex(16), pack(revision)
    records = records_of(keys, revision)
    head = [
        put(keys.head, str(revision.number).encode()),
        *_outdated(keys, revision.number),
        put(keys.summary(revision.number), pack(summary_of(revision))),
    ]
    place = keys.revision(revision.number)
    if len(records) <= _MOST_OPERATIONS and len(packed) + sum(map(_size, records)) <= _MOST_BYTES:
        value = b'{"write":"%b",%b' % (name.encode(), packed[1:])
        return Entry(value, [*head, put(place, value), *records], [])
    prefix = keys.parts(revision.number, name)
    pieces = [packed[start : start + _PART_BYTES] for start in range(0, len(packed), _PART_BYTES)]
    parts = [put(f"{prefix}/{index:06}", piece) for index, piece in enumerate(pieces)]
    value = _PARTS + name.encode()
    return Entry(value, [*head, put(place, value), put(keys.pending, str(revision.number).encode())], parts)


def records_of(keys: Keys, revision: Revision) -> list[Operation]:
    """Return what writes a revision's records. Raise ConfigError for one that is too large."""
    return [_record(keys, change) for change in revision.changes]


def parts_prefix(keys: Keys, revision_key: str, value: bytes) -> str | None:
    """Return where the parts of a revision lie, None for one that is whole."""
    if not value.startswith(_PARTS):
        return None
    return f"{keys.parts(number_of(revision_key), value[len(_PARTS) :].decode())}/"


def number_of(revision_key: str) -> int:
    """Return the number of the revision that lies under a key."""
    return int(revision_key.rpartition("/")[2])


def batches(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Divide operations into as few transactions as etcd takes."""
    batch: list[Operation] = []
    size = 0
    for operation in operations:
        if batch and (len(batch) == _MOST_OPERATIONS or size + _size(operation) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += _size(operation)
    if batch:
        yield batch


def _record(keys: Keys, change: Change) -> Operation:
    place = keys.record(change.key)
    operation = put(place, pack(change.after)) if change.after else delete(place)
    if _size(operation) > _MOST_BYTES:
        message = f"takes more than the {_MOST_BYTES >> 20} MiB that etcd keeps under a key: make it smaller"
        raise ConfigError([Finding("/".join(change.key), message)])
    return operation


def _outdated(keys: Keys, number: int) -> list[Operation]:
    first = number - KEPT_REVISIONS + 1
    return [
        delete_range(keys.revision(0), keys.revision(first)),
        delete_range(keys.summary(0), keys.summary(first)),
        delete_range(keys.parts(0), keys.parts(first)),
    ]


def _size(operation: Operation) -> int:
    """Return about how many bytes an operation takes: base64 has four characters for three of them."""
    return len(operation.get("request_put", {}).get("value", "")) * 3 // 4
