"""YAML as configuration uses it: JSON's types, no repeated keys, errors with their line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, Finding


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a repeated key, of which YAML would keep the last, and leaves dates as text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Return the mapping, or raise at a key that is no text or stands there already."""
        self.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in mapping:
                problem = f"key {key!r} is repeated" if isinstance(key, str) else f"key {key!r} is no text: quote it"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that the file holds, an empty one for an empty file.

    Raise ConfigError, naming file and line, when it can't be read, is no YAML, or holds something else.
    """
    try:
        with path.open("rb") as file:
            document = yaml.load(file, _Loader)  # noqa: S506 (a safe loader)
    except OSError as error:
        raise ConfigError([Finding("", f"can't be read: {error.strerror}")], str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([Finding("", f"is not valid YAML: {_problem(error)}")], _where(path, error)) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError([Finding("", "must hold an object at its top")], str(path))
    return document


def _where(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)
