"""YAML as configuration uses it: JSON's types, no repeated keys, bounded, errors with their line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, Finding
from .yaml_builder import Builder

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that the file holds, an empty one for an empty file.

    Raise ConfigError, naming file and line, when it can't be read, is no YAML, is no mapping, or is built to exhaust us.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError([Finding("", f"can't be read: {error.strerror}")], str(path)) from error
    try:
        builder = Builder()
        for event in yaml.parse(data, _LOADER):
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([Finding("", f"is not valid YAML: {_problem(error)}")], _where(path, error)) from error
    document = builder.value
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError([Finding("", "must hold an object at its top")], str(path))
    return document


def _where(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or str(error) or type(error).__name__)
