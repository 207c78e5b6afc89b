"""YAML as configuration uses it: JSON's types, no repeated keys, bounded, errors with their line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ..errors import ConfigError, Finding

_DEEPEST = 50
_MOST_VALUES = 5_000_000
_MERGE = "tag:yaml.org,2002:merge"
_BOOLEAN = "tag:yaml.org,2002:bool"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a repeated key, of which YAML would keep the last, and leaves dates as text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Return the mapping, or raise at a key that is no text or stands there already; one may stand over a merged one."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag != _MERGE:
                seen.add(self._key(key_node, seen))
        self.flatten_mapping(node)
        return {
            self._key(key_node, set()): self.construct_object(value_node, deep=deep)
            for key_node, value_node in node.value
        }

    def _key(self, node: yaml.Node, seen: set[str]) -> str:
        key = self.construct_object(node, deep=True)
        if not isinstance(key, str) or key in seen:
            problem = f"key {key!r} is repeated" if isinstance(key, str) else f"key {key!r} is no text: quote it"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return key


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOLEAN, _TIMESTAMP)]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
# YAML 1.2's words for true and false: `off` and `no` are text, as they look.
_Loader.add_implicit_resolver(_BOOLEAN, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))


class _Meter:
    """Measures a document event by event, aliases counted as often as they stand for something, before it is built."""

    def __init__(self) -> None:
        self._open: list[str | None] = []
        self._sizes: dict[str, int] = {}
        self._counts = [0]

    def take(self, event: Event) -> None:
        """Count an event. Raise ValueError where the document is too deep, too large, or holds itself."""
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._open.append(event.anchor)
            self._counts.append(1)
            if len(self._open) > _DEEPEST:
                raise _problem_at(event, f"is nested more than {_DEEPEST} deep")
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._close(event)
        elif isinstance(event, ScalarEvent):
            self._counts[-1] += 1
            self._note(event.anchor, 1)
        elif isinstance(event, AliasEvent):
            if event.anchor in self._open:
                raise _problem_at(event, f"holds itself, by the alias *{event.anchor}")
            self._counts[-1] += self._sizes.get(event.anchor or "", 1)
        if self._counts[-1] > _MOST_VALUES:
            raise _problem_at(event, f"has more than {_MOST_VALUES} values once its aliases are filled in")

    def _close(self, event: Event) -> None:
        size = self._counts.pop()
        self._note(self._open.pop(), size)
        self._counts[-1] += size

    def _note(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = size


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that the file holds, an empty one for an empty file.

    Raise ConfigError, naming file and line, when it can't be read, is no YAML, is no mapping, or is built to exhaust us.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError([Finding("", f"can't be read: {error.strerror}")], str(path)) from error
    try:
        meter = _Meter()
        for event in yaml.parse(data, _Loader):
            meter.take(event)
        document = yaml.load(data, _Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError, RecursionError, KeyError) as error:
        raise ConfigError([Finding("", f"is not valid YAML: {_problem(error)}")], _where(path, error)) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError([Finding("", "must hold an object at its top")], str(path))
    return document


def _problem_at(event: Event, problem: str) -> yaml.YAMLError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)  # type: ignore[arg-type]


def _where(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or str(error) or type(error).__name__)
