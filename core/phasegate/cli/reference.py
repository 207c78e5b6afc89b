"""The reference of a plugin in Markdown, out of its schemas and docstrings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ..plugin import HOOKS, Plugin
from ..registry import Installed

_PARTS = (
    ("schema", "Configuration", "What stands under `plugins` of a route, service, plugin config or global rule."),
    (
        "consumer_schema",
        "On a consumer",
        "What stands under `plugins` of a consumer or credential: who it is known by.",
    ),
    ("metadata_schema", "Metadata", "What holds for the plugin wherever it stands: its entry under `plugin_metadata`."),
)
_BOUNDS = {
    "min": "at least {}",
    "max": "at most {}",
    "minlength": "at least {} long",
    "maxlength": "at most {} long",
    "regex": "like `{}`",
    "format": "{}",
}

_KEYS = ("key", "type", "default", "bounds", "secret", "meaning")


def reference(cls: type[Plugin], source: Installed) -> str:
    """Return what a plugin is, what it is configured by, and what it does in each phase."""
    sections = [
        f"# {cls.name}",
        _docstring(cls),
        f"From {source.distribution} {source.version}. Priority {cls.priority}.",
        *_schemas(cls),
        *_phases(cls),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def keys_of(definition: Mapping[str, Any]) -> str:
    """Return a table of the keys that a schema knows, those inside others too."""
    return _table(_KEYS, _rows(definition))


def _docstring(cls: type[Plugin]) -> str:
    """Return what the class says of itself, or its module; a dataclass without docstring has its signature there."""
    own = cls.__doc__ or ""
    if not own or own.startswith(f"{cls.__name__}("):
        own = sys.modules[cls.__module__].__doc__ or ""
    return inspect.cleandoc(own)


def _schemas(cls: type[Plugin]) -> Iterator[str]:
    for attribute, heading, about in _PARTS:
        definition: Mapping[str, Any] | None = getattr(cls, attribute)
        if definition is None:
            continue
        yield f"## {heading}"
        yield f"{about} It has no keys." if not definition else about
        if definition:
            yield keys_of(definition)


def _rows(definition: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, ...]]:
    for key, rules in definition.items():
        where = f"{path}{key}"
        yield f"`{where}`", _type(rules), _default(rules), _bounds(rules), _secret(rules), _meaning(rules, path)
        inside = rules.get("schema", {})
        if rules.get("type") == "list" and inside.get("type") == "dict":
            yield from _rows(inside.get("schema", {}), f"{where}[].")
        elif rules.get("type") == "dict":
            yield from _rows(inside, f"{where}.")


def _type(rules: Mapping[str, Any]) -> str:
    kind = rules.get("type", "any")
    names = " or ".join([kind] if isinstance(kind, str) else kind)
    item = rules.get("schema", {}).get("type") if kind == "list" else None
    return f"list of {item}" if isinstance(item, str) else names


def _default(rules: Mapping[str, Any]) -> str:
    if "default" in rules:
        return f"`{orjson.dumps(rules['default'], default=str).decode()}`"
    return "required" if rules.get("required") else "none"


def _bounds(rules: Mapping[str, Any]) -> str:
    found = [text.format(rules[rule]) for rule, text in _BOUNDS.items() if rule in rules]
    if "allowed" in rules:
        found.insert(0, "one of " + ", ".join(f"`{value}`" for value in rules["allowed"]))
    if rules.get("empty") is False:
        found.insert(0, "not empty")
    return ", ".join(found)


def _secret(rules: Mapping[str, Any]) -> str:
    return "yes" if rules.get("secret") else ""


def _meaning(rules: Mapping[str, Any], path: str) -> str:
    if "alias_of" in rules:
        return f"another spelling of `{path}{rules['alias_of']}`"
    return str(rules.get("about", ""))


def _phases(cls: type[Plugin]) -> Iterator[str]:
    rows = []
    for hook in HOOKS:
        method = inspect.getattr_static(cls, hook)
        if method is not vars(Plugin)[hook]:
            rows.append((f"`{hook}`", (inspect.cleandoc(method.__doc__ or "").splitlines() or [""])[0]))
    if rows:
        yield "## Phases"
        yield _table(("phase", "what it does"), rows)


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, str]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
