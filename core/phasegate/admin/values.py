"""What a write stores: what was sent, with its id and times, masks replaced by the secrets they stand for, passwords by hashes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .answers import Refused
from .catalogue import Catalogue, Entry
from .hashing import Hashing
from .kinds import Kind, with_texts_as_ids
from .masking import Masking
from .references import dangling
from .wording import worded

TIMES = ("create_time", "update_time")
"""What the gateway keeps in a value beside what was sent, in seconds since 1970."""


def without_times(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value without what the gateway keeps in it."""
    return {key: item for key, item in value.items() if key not in TIMES}


def sent(kind: Kind, body: Mapping[str, Any], id_: str | None) -> tuple[str, dict[str, Any]]:
    """Return the id of a resource and its value as it was sent, without its id. Raise Refused where they don't agree."""
    forbidden = [name for name in TIMES if name in body]
    if forbidden:
        raise Refused(400, f"the property is forbidden: {' '.join(forbidden)}")
    value = with_texts_as_ids(dict(body))
    if kind.id_key == "username":
        return _username(value, id_), value
    inside = value.pop("id", None)
    if id_ is None and inside is None:
        raise Refused(400, f"missing {kind.noun} id")
    if id_ is not None and inside is not None and inside not in (id_, kind.own_id(id_)):
        raise Refused(400, f"wrong {kind.noun} id")
    wanted = inside if id_ is None else id_
    if not isinstance(wanted, str):
        raise Refused(400, 'invalid configuration: property "id" validation failed: must be a string or an integer')
    _judge_parts(kind, wanted)
    return wanted, value


def _username(value: Mapping[str, Any], id_: str | None) -> str:
    given = value.get("username")
    if given is None:
        message = 'property "username" validation failed: property "username" is required'
        raise Refused(400, f"invalid configuration: {message}")
    if not isinstance(given, str):
        raise Refused(400, 'invalid configuration: property "username" validation failed: must be a string')
    if id_ is not None and id_ != given:
        raise Refused(400, "wrong username")
    return given


def _judge_parts(kind: Kind, id_: str) -> None:
    if len(id_.split("/")) != kind.parts:
        expected = "a name without a slash" if kind.parts == 1 else "two names with a slash between them"
        raise Refused(400, f"wrong {kind.noun} id: must be {expected}")


def judge_owner(entry: Entry | None) -> None:
    """Raise Refused for a resource that the file owns."""
    if entry is not None and entry.file:
        raise Refused(400, f"{entry.kind.name}/{entry.id} is owned by the file {entry.file}: change it there")


class Values:
    """Makes the values that records are to have."""

    def __init__(self, masking: Masking, hashing: Hashing) -> None:
        self._masking = masking
        self._hashing = hashing

    async def stored(self, kind: Kind, id_: str, value: Mapping[str, Any], before: Entry | None) -> dict[str, Any]:
        """Return the value to store. Raise Refused for a mask that stands for nothing."""
        now = int(time.time())
        former = before.value if before else {}
        key = (kind.name, id_)
        whole, findings = self._masking.unmasked(key, {**value, **_id(kind, id_)}, before.value if before else None)
        if findings:
            raise Refused(400, "; ".join(worded(finding) for finding in findings))
        whole = await self._hashing.hashed(kind.name, whole, before.value if before else None)
        return {**whole, "create_time": former.get("create_time", now), "update_time": now}

    @staticmethod
    def judge_references(kind: Kind, value: Mapping[str, Any], catalogue: Catalogue) -> None:
        """Raise Refused for a reference to what is not there."""
        missing = list(dangling(kind, value, catalogue))
        if missing:
            raise Refused(400, "; ".join(missing))


def _id(kind: Kind, id_: str) -> dict[str, str]:
    return {kind.id_key: kind.own_id(id_)}
