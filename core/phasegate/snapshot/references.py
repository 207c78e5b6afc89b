"""Texts that stand for a value kept elsewhere, such as `$env://NAME`, replaced by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..environment import FromEnvironment


def reference_texts(value: object) -> Iterator[str]:
    """Yield every text in a value that looks like a reference."""
    if isinstance(value, str):
        if value.startswith("$") and "://" in value:
            yield str(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from reference_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from reference_texts(item)


def referred(value: Any, references: Mapping[str, str]) -> Any:
    """Return the value with every reference replaced that is known; the same object where there is none."""
    if isinstance(value, str):
        known = references.get(value)
        return value if known is None else FromEnvironment(known)
    if isinstance(value, Mapping):
        replaced = {key: referred(item, references) for key, item in value.items()}
        return value if all(replaced[key] is item for key, item in value.items()) else replaced
    if isinstance(value, list):
        items = [referred(item, references) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
