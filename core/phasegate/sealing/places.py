"""Places inside of values: a path of keys and indexes, what stands there, and the value with something else there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Place = tuple[str | int, ...]
MISSING = object()


def shown(place: Place) -> str:
    """Return a place as findings write it: `plugins.x.keys[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def at(value: Any, place: Place) -> Any:
    """Return what stands at a place, MISSING where there is no such place."""
    for part in place:
        if isinstance(part, int):
            if not isinstance(value, (list, tuple)) or part >= len(value):
                return MISSING
        elif not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def with_value(value: Any, place: Place, new: object) -> Any:
    """Return a copy of the value, as deep as the place, that has something else there. The place must exist."""
    if not place:
        return new
    head, inner = place[0], place[1:]
    if isinstance(value, Mapping):
        return {**value, head: with_value(value[head], inner, new)}
    return [with_value(item, inner, new) if index == head else item for index, item in enumerate(value)]


def texts(value: object, wanted: Callable[[str], bool], place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield every wanted text in a value with its place. Keys are no values."""
    if isinstance(value, str):
        if wanted(value):
            yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(item, (int, float)):
                yield from texts(item, wanted, (*place, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from texts(item, wanted, (*place, index))
