"""One kind's values, made of its resources; what nothing touched is taken over from the configuration before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ..errors import Finding
from .resource import Notes, Resource
from .slices import Steps

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage(Generic[T]):
    """Values by id, with the resources they were made of; `changed` are the ids that are not as they were before."""

    resources: Mapping[str, Resource] = field(default_factory=dict)
    values: Mapping[str, T] = field(default_factory=dict)
    warnings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    changed: AbstractSet[str] = frozenset()

    def untouched(self) -> Stage[T]:
        """Return the stage for a configuration in which nothing of it changed."""
        return Stage(self.resources, self.values, self.warnings)


def staging(
    former: Stage[T],
    resources: Mapping[str, Resource],
    make: Callable[[Resource], T],
    notes: Notes,
    references: Mapping[str, AbstractSet[str]] | None = None,
) -> Steps[Stage[T]]:
    """Return the stage of these resources, in steps: values are made anew where their resource changed, or one they refer to.

    `references` says which ids changed among those that a key refers to.
    """
    moved = {key: ids for key, ids in (references or {}).items() if ids}
    if resources is former.resources and not moved:
        return former.untouched()
    stale = [
        item
        for item in resources.values()
        if former.resources.get(item.id) is not item or (moved and _refers(item.value, moved))
    ]
    yield
    gone = former.values.keys() - resources.keys()
    values, warnings = dict(former.values), dict(former.warnings)
    for id_ in gone:
        del values[id_]
        warnings.pop(id_, None)
    for item in stale:
        seen = len(notes.warnings)
        values[item.id] = make(item)
        _keep(warnings, item.id, notes.warnings[seen:])
        yield
    return Stage(resources, values, warnings, dict.fromkeys([*gone, *(item.id for item in stale)]).keys())


def _refers(value: Mapping[str, Any], moved: Mapping[str, AbstractSet[str]]) -> bool:
    return any(value.get(key) in ids for key, ids in moved.items())


def _keep(warnings: dict[str, tuple[Finding, ...]], id_: str, told: list[Finding]) -> None:
    if told:
        warnings[id_] = tuple(told)
    else:
        warnings.pop(id_, None)
