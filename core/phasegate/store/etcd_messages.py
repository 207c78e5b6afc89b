"""What is said to etcd's JSON gateway, and what it answers: bytes in base64, integers as text, zeros left out."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Operation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value."""

    key: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transaction came to: whether its condition held, and the pairs that each of its operations found."""

    succeeded: bool
    found: tuple[tuple[Pair, ...], ...]


def get(key: str) -> Operation:
    """Read one key."""
    return {"request_range": {"key": _base64(key)}}


def get_range(first: str, end: str, limit: int) -> Operation:
    """Read at most `limit` keys from `first` on, in their order, `end` excluded."""
    return {"request_range": {"key": _base64(first), "range_end": _base64(end), "limit": limit}}


def newest(first: str, end: str, limit: int, *, keys_only: bool = False) -> Operation:
    """Read at most `limit` of the last keys from `first` on, the last one first, `end` excluded."""
    wanted = get_range(first, end, limit)["request_range"]
    return {"request_range": {**wanted, "sort_order": "DESCEND", "sort_target": "KEY", "keys_only": keys_only}}


def put(key: str, value: bytes) -> Operation:
    """Write one key."""
    return {"request_put": {"key": _base64(key), "value": base64.b64encode(value).decode()}}


def delete(key: str) -> Operation:
    """Delete one key."""
    return {"request_delete_range": {"key": _base64(key)}}


def delete_range(first: str, end: str) -> Operation:
    """Delete every key from `first` on, `end` excluded."""
    return {"request_delete_range": {"key": _base64(first), "range_end": _base64(end)}}


def holds(key: str, value: bytes | None) -> dict[str, Any]:
    """Ask that a key has this value, or with None that it is not there."""
    if value is None:
        return {"key": _base64(key), "target": "CREATE", "result": "EQUAL", "create_revision": 0}
    return {"key": _base64(key), "target": "VALUE", "result": "EQUAL", "value": base64.b64encode(value).decode()}


def transaction(
    conditions: Iterable[dict[str, Any]], then: Iterable[Operation], otherwise: Iterable[Operation] = ()
) -> dict[str, Any]:
    """Do `then` where every condition holds, and `otherwise` where one does not."""
    return {"compare": list(conditions), "success": list(then), "failure": list(otherwise)}


def watch(key: str) -> dict[str, Any]:
    """Be told of every change of a key from now on."""
    return {"create_request": {"key": _base64(key)}}


def outcome_of(answer: Mapping[str, Any]) -> Outcome:
    """Return what a transaction's answer says."""
    found = (item.get("response_range", {}) for item in answer.get("responses", ()))
    return Outcome(bool(answer.get("succeeded")), tuple(pairs_of(item) for item in found))


def pairs_of(answer: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Return the pairs of a range's answer."""
    return tuple(
        Pair(base64.b64decode(item["key"]).decode(), base64.b64decode(item.get("value", "")))
        for item in answer.get("kvs", ())
    )


def revision_of(answer: Mapping[str, Any]) -> int:
    """Return the revision of etcd's own that an answer holds for."""
    return int(answer["header"]["revision"])


def end_of(prefix: str) -> str:
    """Return what every key with a prefix sorts before; the prefix must end in ASCII."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
