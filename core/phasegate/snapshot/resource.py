"""One judged resource, whether it stands in the file or was written through the Admin API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Finding
from ..model import Source

_NUMBER = re.compile(r"(\d+)")
_NAMES = {"consumers": "username"}


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A resource with where it stands: `path` leads to it in its document, `order` is its place in its source.

    `raw` is what it was made of and `texts` the references in it, by which the next snapshot knows it again.
    """

    id: str
    path: str
    owner: str
    value: Mapping[str, Any] = field(repr=False)
    source: Source = "file"
    order: int = 0
    raw: object = field(default=None, repr=False)
    texts: frozenset[str] = frozenset()

    @property
    def age(self) -> tuple[bool, int, str]:
        """What puts resources into their order: those of the file first, then the older before the newer."""
        return self.source == "admin", self.order, self.id


@dataclass(frozen=True, slots=True)
class Refused:
    """A resource that its schema refuses; `raw` is what it is, its references replaced."""

    kind: str
    path: str
    raw: object = field(repr=False)

    @property
    def key(self) -> tuple[str, str] | None:
        """What others would refer to it by, None where it does not say."""
        name = self.raw.get(name_key(self.kind)) if isinstance(self.raw, Mapping) else None
        return (self.kind, name) if isinstance(name, str) else None


@dataclass(slots=True)
class Notes:
    """What is found on the way through a configuration: errors that refuse it, warnings that do not."""

    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def error(self, path: str, message: str) -> None:
        """Note that something is wrong."""
        self.errors.append(Finding(path, message))


def name_key(kind: str) -> str:
    """Return the key that names a resource of that kind."""
    return _NAMES.get(kind, "id")


def place(finding: Finding) -> list[tuple[int, int, str]]:
    """Return what puts findings into the order of their document: `routes[2]` before `routes[10]`."""
    parts = _NUMBER.split(finding.path)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def same(one: object, other: object) -> bool:
    """Tell whether two values are written alike: equal, of equal types, in equal order."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
