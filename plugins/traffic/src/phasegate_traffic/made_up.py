"""Values made up by a JSON Schema, for mocks: of its types, with its examples where it has some."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_chance = random.Random()  # noqa: S311 (nobody gains by guessing it)
_DEEPEST = 32


def made_up(schema: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value: the example, constant or default of a schema, one of its `enum`, or one by chance of its type."""
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    options = schema.get("examples") or schema.get("enum")
    if isinstance(options, (list, tuple)) and options:
        return _chance.choice(options)
    kind = _kind(schema)
    if depth >= _DEEPEST or kind not in _MAKERS:
        return None
    return _MAKERS[kind](schema, depth)


def xml(value: object, name: str = "data") -> str:
    """Return a value as an XML element of that name, lists as elements that repeat."""
    if isinstance(value, list):
        return "".join(xml(item, name) for item in value)
    inside = "".join(xml(item, str(key)) for key, item in value.items()) if isinstance(value, dict) else _text(value)
    if name.isidentifier():
        return f"<{name}>{inside}</{name}>"
    return f"<field name={quoteattr(name)}>{inside}</field>"


def _text(value: object) -> str:
    return "" if value is None else escape(str(value).lower() if isinstance(value, bool) else str(value))


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, (list, tuple)):
        kind = kind[0] if kind else None
    return str(kind or ("object" if "properties" in schema else "array" if "items" in schema else "null"))


def _object(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {name: made_up(rules, depth + 1) for name, rules in schema.get("properties", {}).items()}


def _array(schema: Mapping[str, Any], depth: int) -> list[Any]:
    items = schema.get("items")
    return [made_up(items, depth + 1) for _ in range(_chance.randint(1, 3))] if isinstance(items, Mapping) else []


def _string(schema: Mapping[str, Any], _: int) -> str:
    least = min(int(schema.get("minLength", 1)), 1024)
    return "".join(_chance.choices(string.ascii_lowercase, k=max(least, min(10, int(schema.get("maxLength", 10))))))


def _integer(schema: Mapping[str, Any], _: int) -> int:
    least = int(schema.get("minimum", 1))
    return _chance.randint(least, max(least, int(schema.get("maximum", least + 10_000))))


def _number(schema: Mapping[str, Any], _: int) -> float:
    least = float(schema.get("minimum", 0))
    return round(_chance.uniform(least, max(least, float(schema.get("maximum", least + 10_000)))), 2)


def _boolean(_: Mapping[str, Any], __: int) -> bool:
    return _chance.random() < 0.5


_MAKERS: dict[str, Callable[[Mapping[str, Any], int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
