"""References in documents: which there are, and the document with their values in their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..environment import FromEnvironment
from .syntax import Unresolved, is_reference


@dataclass(frozen=True, slots=True)
class Use:
    """A place that holds a reference; `path` leads to it as in findings, such as `routes/1.plugins.x.key`."""

    path: str
    text: str


def used(value: object, path: str = "") -> list[Use]:
    """Return every reference in a value. Keys are left alone."""
    found: list[Use] = []
    _search(value, path, found)
    return found


def filled(value: Any, table: Mapping[str, str]) -> Any:
    """Return the value with references replaced by what the table says, marked so that no message shows it.

    It is the very same object when it holds none, at every depth. Raise Unresolved for one that the table lacks.
    """
    if isinstance(value, str):
        return _value(value, table) if is_reference(value) else value
    if isinstance(value, Mapping):
        changed = {key: new for key, item in value.items() if (new := filled(item, table)) is not item}
        return {**value, **changed} if changed else value
    if isinstance(value, (list, tuple)):
        items = [filled(item, table) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _search(value: object, path: str, found: list[Use]) -> None:
    """Note the references in a value. What is frequent is asked first: a start searches everything."""
    if isinstance(value, str):
        if is_reference(value):
            found.append(Use(path, value))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if not _is_plain(item):
                _search(item, f"{path}[{index}]", found)
    elif isinstance(value, (dict, Mapping)):
        joint = "." if path else ""
        for key, item in value.items():
            if not _is_plain(item):
                _search(item, f"{path}{joint}{key}", found)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and not value.startswith("$")


def _value(text: str, table: Mapping[str, str]) -> FromEnvironment:
    if text not in table:
        raise Unresolved(f"reference {text} has not been resolved")
    return FromEnvironment(table[text])
