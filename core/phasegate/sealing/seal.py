"""Values with their secrets sealed, and opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from ..errors import Finding
from ..store.records import Key, Value, Write
from .keyring import MARK, KeyMissing, KeyRing, SealBroken
from .places import Place, at, shown, texts, with_value

Secrets = Callable[[Key, Value], Iterable[Place]]


def forgeries(writes: Iterable[Write]) -> list[Finding]:
    """Return an error for each text that was sent and looks sealed: only what this gateway sealed may be opened."""
    return [
        Finding(shown(place), f"must not begin with {MARK}: send the value itself").under(f"{write.kind}/{write.id}")
        for write in writes
        for place, _ in texts(write.value, is_sealed)
    ]


def sealed(key: Key, value: Value, secrets: Iterable[Place], ring: KeyRing) -> Value:
    """Return the value with each secret sealed."""
    for place in secrets:
        plain = orjson.dumps(at(value, place))
        value = with_value(value, place, ring.seal(plain, _context(key, place)))
    return value


def opened(key: Key, value: Value, ring: KeyRing) -> Value:
    """Return the value with all that is sealed opened, the very same one when nothing is.

    Raise KeyMissing or SealBroken, which name the place.
    """
    for place, text in tuple(texts(value, is_sealed)):
        try:
            plain = ring.open(text, _context(key, place))
        except (KeyMissing, SealBroken) as error:
            raise type(error)(f"{'/'.join(key)}.{shown(place)} {error}") from error
        value = with_value(value, place, orjson.loads(plain))
    return value


def sealed_texts(value: Value) -> list[str]:
    """Return every sealed text in a value."""
    return [text for _, text in texts(value, is_sealed)]


def is_current(value: Any, place: Place, ring: KeyRing) -> bool:
    """Tell whether a secret in the store is sealed with the newest key."""
    text = at(value, place)
    return isinstance(text, str) and text.startswith(f"{MARK}{ring.newest}:")


def is_sealed(text: str) -> bool:
    """Tell whether a text is a sealed value."""
    return text.startswith(MARK)


def _context(key: Key, place: Place) -> bytes:
    """Return what binds a sealed value to its place: moved elsewhere it does not open."""
    return orjson.dumps([*key, *place])
