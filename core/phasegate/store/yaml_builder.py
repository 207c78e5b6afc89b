"""Values out of YAML's events, one by one, so that what is built to exhaust us is refused before it is there.

PyYAML makes a tree of nodes first and goes over that, which takes three times as long and can't be told how deep to go.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

_DEEPEST = 50
_MOST_VALUES = 5_000_000

_PREFIX = "tag:yaml.org,2002:"
_BOOLEAN, _TIMESTAMP, _MERGE = f"{_PREFIX}bool", f"{_PREFIX}timestamp", f"{_PREFIX}merge"
_TEXT, _LIST, _OBJECT = f"{_PREFIX}str", f"{_PREFIX}seq", f"{_PREFIX}map"

# What plain text is, goes by its first letter and a pattern. Dates are text, and so are YAML 1.1's `off` and `no`: only
# YAML 1.2's words for true and false are no text.
_PATTERNS = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOLEAN, _TIMESTAMP)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _letter in "tTfF":
    _PATTERNS.setdefault(_letter, []).append((_BOOLEAN, re.compile(r"(true|True|TRUE|false|False|FALSE)$")))

_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_SCALARS = {
    f"{_PREFIX}null": _CONSTRUCTOR.construct_yaml_null,
    _BOOLEAN: _CONSTRUCTOR.construct_yaml_bool,
    f"{_PREFIX}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_PREFIX}float": _CONSTRUCTOR.construct_yaml_float,
}

_NOTHING, _MERGING = object(), object()


class Builder:
    """Takes the events of a document, and has its value then."""

    def __init__(self) -> None:
        self._root = _List(yaml.SequenceStartEvent(anchor=None, tag=None, implicit=True))
        self._open: list[_List | _Object] = [self._root]
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._known: dict[str, Any] = {}

    @property
    def value(self) -> Any:
        """What the document holds, None where that is nothing."""
        return self._root.value[0] if self._root.value else None

    def take(self, event: Event) -> None:
        """Take the next event. Raise YAMLError or ValueError where it is too deep, too much, or makes no sense."""
        if isinstance(event, ScalarEvent):
            self._add(event, self._scalar(event), 1)
        elif isinstance(event, CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            done = self._open.pop()
            self._add(done.event, done.whole(), done.size)
        elif isinstance(event, AliasEvent):
            self._add(event, *self._aliased(event))
        elif isinstance(event, DocumentStartEvent) and self._root.value:
            raise problem(event, "begins a second document: a file holds one")

    def _begin(self, event: CollectionStartEvent) -> None:
        if len(self._open) > _DEEPEST:
            raise problem(event, f"is nested more than {_DEEPEST} deep")
        is_object = isinstance(event, MappingStartEvent)
        if event.tag not in (None, "!", _OBJECT if is_object else _LIST):
            raise _unknown(event)
        self._open.append(_Object(event) if is_object else _List(event))

    def _add(self, event: NodeEvent, value: Any, size: int) -> None:
        owner = self._open[-1]
        owner.size += size
        if owner.size > _MOST_VALUES:
            raise problem(event, f"has more than {_MOST_VALUES} values once its aliases are filled in")
        owner.add(event, value)
        if event.anchor is not None and not isinstance(event, AliasEvent):
            if event.anchor in self._anchored:
                raise problem(event, f"anchor &{event.anchor} is repeated")
            self._anchored[event.anchor] = value, size

    def _aliased(self, event: AliasEvent) -> tuple[Any, int]:
        if any(each.event.anchor == event.anchor for each in self._open):
            raise problem(event, f"holds itself, by the alias *{event.anchor}")
        if event.anchor not in self._anchored:
            raise problem(event, f"no anchor &{event.anchor} stands before this alias")
        return self._anchored[event.anchor]

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if event.tag in (None, "!"):
            if not event.implicit[0]:
                return text
            if text not in self._known:
                self._known[text] = _value(_tag_of(text), event)
            return self._known[text]
        return _value(event.tag, event)


class _List:
    """A list that is open."""

    __slots__ = ("event", "size", "value")

    def __init__(self, event: CollectionStartEvent) -> None:
        self.event = event
        self.size = 1
        self.value: list[Any] = []

    def add(self, _: NodeEvent, value: Any) -> None:
        """Take the next entry."""
        self.value.append("<<" if value is _MERGING else value)

    def whole(self) -> list[Any]:
        """Return the list."""
        return self.value


class _Object:
    """An object that is open, keys and values in turn."""

    __slots__ = ("_key", "_merged", "event", "size", "value")

    def __init__(self, event: CollectionStartEvent) -> None:
        self.event = event
        self.size = 1
        self.value: dict[str, Any] = {}
        self._merged: dict[str, Any] = {}
        self._key: Any = _NOTHING

    def add(self, event: NodeEvent, value: Any) -> None:
        """Take the next key, or its value. Raise YAMLError for a key that is no text or stands there already."""
        key = self._key
        if key is _NOTHING:
            if value is not _MERGING and (not isinstance(value, str) or value in self.value):
                raise problem(
                    event, f"key {value!r} is {'repeated' if isinstance(value, str) else 'no text: quote it'}"
                )
            self._key = value
            return
        self._key = _NOTHING
        if key is _MERGING:
            self._merge(event, value)
        else:
            self.value[key] = "<<" if value is _MERGING else value

    def whole(self) -> dict[str, Any]:
        """Return the object, in which a key stands over a merged one."""
        return {**self._merged, **self.value} if self._merged else self.value

    def _merge(self, event: NodeEvent, value: Any) -> None:
        """Merge one object in, or several, the first of which counts most (https://yaml.org/type/merge.html)."""
        merged = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in merged):
            raise problem(event, "can't be merged: << takes an object or a list of objects")
        for each in reversed(merged):
            self._merged.update(each)


def problem(event: Event, text: str) -> yaml.YAMLError:
    """Return the error that tells a problem, and where it is."""
    return yaml.MarkedYAMLError(problem=text, problem_mark=event.start_mark)  # type: ignore[arg-type]


def _tag_of(text: str) -> str:
    return next((tag for tag, pattern in _PATTERNS.get(text[:1], ()) if pattern.match(text)), _TEXT)


def _value(tag: str, event: ScalarEvent) -> Any:
    if tag == _TEXT:
        return event.value
    if tag == _MERGE:
        return _MERGING
    if tag not in _SCALARS:
        raise _unknown(event)
    return _SCALARS[tag](yaml.ScalarNode(tag, event.value))


def _unknown(event: ScalarEvent | CollectionStartEvent) -> yaml.YAMLError:
    return problem(event, f"tag {event.tag} is not known here")
