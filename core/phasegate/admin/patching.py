"""PATCH: a merge into a resource, or a new value for one place in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def merged(value: Any, patch: Any) -> Any:
    """Return the value with a merge patch applied (RFC 7396): objects merge, null removes, all else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    base = value if isinstance(value, Mapping) else {}
    kept = {key: item for key, item in base.items() if key not in patch}
    changed = {key: merged(base.get(key), item) for key, item in patch.items() if item is not None}
    return {**kept, **changed}


def replaced(value: Any, path: Sequence[str], new: Any) -> Any:
    """Return the value with `new` at a path of keys; objects on the way are made, null removes.

    Raise ValueError for a path through something that is neither an object nor an entry of a list.
    """
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(value, list):
        return _in_list(value, key, rest, new)
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(key)
    base = dict(value or {})
    if not rest and new is None:
        base.pop(key, None)
    else:
        base[key] = replaced(base.get(key), rest, new)
    return base


def _in_list(value: list[Any], key: str, rest: Sequence[str], new: Any) -> list[Any]:
    if not key.isdecimal() or int(key) >= len(value):
        raise ValueError(key)
    index = int(key)
    if not rest and new is None:
        return [*value[:index], *value[index + 1 :]]
    return [*value[:index], replaced(value[index], rest, new), *value[index + 1 :]]
