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


@dataclass(frozen=True, slots=True)
class Moves:
    """What changed since the stage before: ids of the kind itself, and by key the ids among those that the key refers to."""

    own: AbstractSet[str]
    referred: Mapping[str, AbstractSet[str]] = field(default_factory=dict)


def staging(
    former: Stage[T], resources: Mapping[str, Resource], moves: Moves, make: Callable[[Resource], T], notes: Notes
) -> Steps[Stage[T]]:
    """Return the stage of these resources, in steps: values are made anew where their resource moved, or one it refers to."""
    referred = {key: ids for key, ids in moves.referred.items() if ids}
    changed = dict.fromkeys(moves.own)
    if referred:
        changed |= dict.fromkeys(id_ for id_, item in resources.items() if _refers(item.value, referred))
        yield
    if not changed:
        return Stage(resources, former.values, former.warnings)
    values, warnings = dict(former.values), dict(former.warnings)
    for id_ in changed:
        values.pop(id_, None)
        warnings.pop(id_, None)
        if id_ in resources:
            seen = len(notes.warnings)
            values[id_] = make(resources[id_])
            if len(notes.warnings) > seen:
                warnings[id_] = tuple(notes.warnings[seen:])
        yield
    return Stage(resources, values, warnings, changed.keys())


def _refers(value: Mapping[str, Any], moved: Mapping[str, AbstractSet[str]]) -> bool:
    return any(value.get(key) in ids for key, ids in moved.items())
