"""What a file and a store differ in: the writes that make the store hold what the file says, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..environment import FromEnvironment
from ..sealing.places import MISSING, Place, at, shown, texts, with_value
from ..secret import MASK
from ..store.records import Key, Value

Action = Literal["create", "update", "delete"]
FILLED_IN = "(from the environment)"
"""What is shown in the place of text that the environment filled in."""
_FORMER = "(something else)"
_ANOTHER = "(another)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place of a resource, as `plugins.x.keys[0]`, and what is there before and after; MISSING stands for nothing."""

    path: str
    before: Any = field(repr=False)
    after: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one resource; `before` and `after` are it as it may be shown, None where there is none."""

    action: Action
    kind: str
    id: str
    before: Value | None = field(default=None, repr=False)
    after: Value | None = field(default=None, repr=False)
    differences: tuple[Difference, ...] = ()

    @property
    def key(self) -> Key:
        """What the resource is found by."""
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Plan:
    """Every change that leads from the store at a revision to what the file says."""

    revision: int
    changes: tuple[Change, ...]

    def count(self, action: Action) -> int:
        """Return how many resources that becomes of."""
        return sum(change.action == action for change in self.changes)


def writes(wanted: Mapping[Key, Value], stored: Iterable[Key]) -> list[dict[str, Any]]:
    """Return a write for each resource that is wanted, and one that deletes for each other one of the store."""
    gone: dict[Key, Value | None] = {key: None for key in sorted(stored) if key not in wanted}
    return [{"kind": kind, "id": id_, "value": value} for (kind, id_), value in {**wanted, **gone}.items()]


def needed(all_writes: Iterable[dict[str, Any]], plan: Plan) -> list[dict[str, Any]]:
    """Return those writes alone that change something."""
    keys = {change.key for change in plan.changes}
    return [write for write in all_writes if (write["kind"], write["id"]) in keys]


def plan_of(revision: int, outcome: Iterable[Mapping[str, Any]], wanted: Mapping[Key, Value]) -> Plan:
    """Return the plan that a trial run tells of, with nothing shown that the environment filled into the file."""
    return Plan(revision, tuple(_change(item, wanted.get((item["kind"], item["id"]))) for item in outcome))


def _change(item: Mapping[str, Any], wanted: Value | None) -> Change:
    places = [tuple(place) for place in item["differences"]]
    before, after = _hidden(item["before"], item["after"], wanted, places)
    for place in places:
        if at(before, place) == at(after, place):
            # It is masked, or hidden, and yet another one.
            after = with_value(after, place, f"{at(after, place)} {_ANOTHER}")
    differences = tuple(Difference(shown(place), at(before, place), at(after, place)) for place in places)
    return Change(item["action"], item["kind"], item["id"], before, after, differences)


def _hidden(
    before: Value | None, after: Value | None, wanted: Value | None, places: list[Place]
) -> tuple[Value | None, Value | None]:
    """Return both values with nothing in them that the environment filled in, or that stands where it did."""
    for place, _ in texts(wanted, lambda text: isinstance(text, FromEnvironment)):
        differs = any(place[: len(changed)] == changed for changed in places)
        if at(after, place) is not MISSING:
            after = with_value(after, place, FILLED_IN)
        if at(before, place) not in (MISSING, MASK):
            before = with_value(before, place, _FORMER if differs else FILLED_IN)
        elif at(before, place) == MASK and not differs:
            before = with_value(before, place, FILLED_IN)
    return before, after
