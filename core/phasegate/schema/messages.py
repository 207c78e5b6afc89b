"""cerberus errors as findings: the path to the key, the value, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from cerberus import errors
from cerberus.errors import ValidationError

from ..environment import FromEnvironment
from ..errors import Finding
from .prepare import Definition
from .rules import FORMAT_MISMATCH, FORMATS, UNAVAILABLE

_SHOWN_LENGTH = 60
_ARTICLES = {
    "dict": "an object",
    "list": "a list",
    "integer": "an integer",
    "number": "a number",
    "float": "a number",
    "string": "a string",
    "boolean": "true or false",
}


_DEMANDS: dict[int, Callable[[Any], str]] = {
    errors.BAD_TYPE.code: lambda types: f"must be {_type_names(types)}",
    errors.MIN_VALUE.code: lambda limit: f"must be at least {limit}",
    errors.MAX_VALUE.code: lambda limit: f"must be at most {limit}",
    errors.EMPTY_NOT_ALLOWED.code: lambda _: "must not be empty",
    errors.MIN_LENGTH.code: lambda limit: "must not be empty" if limit == 1 else f"must have at least {limit} entries",
    errors.MAX_LENGTH.code: lambda limit: f"must have a length of at most {limit}",
    errors.UNALLOWED_VALUE.code: lambda values: f"must be one of {', '.join(map(str, values))}",
    FORMAT_MISMATCH.code: lambda name: f"must be {FORMATS[name]}",
    errors.REGEX_MISMATCH.code: lambda pattern: f"must match {pattern}",
}


def findings_of(found: Iterable[ValidationError], definition: Definition) -> list[Finding]:
    """Return one finding for each error, groups taken apart, in the order of the document."""
    return [finding for error in found for finding in _flat(error, definition)]


def join_path(keys: Iterable[object]) -> str:
    """Return keys as a path: names joined by dots, list places in brackets."""
    path = ""
    for key in keys:
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
    return path


def _flat(error: ValidationError, definition: Definition) -> Iterator[Finding]:
    if error.is_group_error and not error.is_logic_error:
        for child in error.child_errors:
            yield from _flat(child, definition)
        return
    yield Finding(join_path(error.document_path), _message(error, definition))


def _message(error: ValidationError, definition: Definition) -> str:
    rules, siblings, hidden = _rules_at(error.document_path, definition)
    if error.code == errors.UNKNOWN_FIELD.code:
        return _unknown(str(error.field), siblings)
    if error.code == errors.REQUIRED_FIELD.code:
        return "is required"
    got = "" if hidden else _shown(error.value)
    if error.code == UNAVAILABLE.code:
        return _unavailable(error.constraint, got)
    if "meta" in rules:
        return f"must be {rules['meta']['expected']}{got}"
    return f"{_demand(error)}{got}"


def _demand(error: ValidationError) -> str:
    describe = _DEMANDS.get(error.code)
    return describe(error.constraint) if describe else f"breaks the rule {error.rule!r}"


def _unavailable(values: list[object], got: str) -> str:
    if not values:
        return "is not available in this version: leave it out"
    return f"is not available in this version{got}: set it to {' or '.join(map(str, values))}"


def _type_names(types: str | Iterable[str]) -> str:
    names = (types,) if isinstance(types, str) else types
    return " or ".join(_ARTICLES.get(name, name) for name in names)


def _unknown(key: str, siblings: Iterable[str]) -> str:
    known = sorted(siblings)
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    if close:
        return f"is not a known key: did you mean {close[0]!r}?"
    return f"is not a known key; known here: {', '.join(known)}" if known else "is not a known key"


def _shown(value: object) -> str:
    if isinstance(value, FromEnvironment):
        return " (got a value from the environment)"
    if isinstance(value, (dict, list)):
        return f" (got {'an object' if isinstance(value, dict) else 'a list'})"
    text = _as_written(value)
    return f" (got {text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + '...'})"


def _as_written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, str) else str(value)


def _rules_at(path: tuple[Any, ...], definition: Definition) -> tuple[Mapping[str, Any], Iterable[str], bool]:
    """Return the rules of the key, the keys known beside it, and whether its value must stay unseen."""
    rules: Mapping[str, Any] = {"schema": definition}
    siblings: Iterable[str] = ()
    for key in path:
        inner = rules.get("schema", {})
        if isinstance(key, int):
            rules, siblings = inner, ()
        elif "valuesrules" in rules:
            rules, siblings = rules["valuesrules"], ()
        else:
            siblings = [name for name, its in inner.items() if "alias_of" not in its]
            rules = inner.get(key, {})
    return rules, siblings, not rules or _holds_secret(rules)


def _holds_secret(rules: Mapping[str, Any]) -> bool:
    children = (child for child in rules.values() if isinstance(child, Mapping))
    return rules.get("secret") is True or any(_holds_secret(child) for child in children)
