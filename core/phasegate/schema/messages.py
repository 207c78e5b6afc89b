"""cerberus errors as findings: the path to the key, the value, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from cerberus import errors
from cerberus.errors import ValidationError

from ..environment import shown
from ..errors import Finding
from .prepare import Definition
from .rules import FORMAT_MISMATCH, FORMATS, UNAVAILABLE

_USER = re.compile(r"//[^/]*@")
_QUERY = re.compile(r"\?.*", re.DOTALL)
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


def finding_of(error: ValidationError, definition: Definition) -> Finding:
    """Return an error of one level, on a key of the definition or beside it, as a finding."""
    return Finding(str(error.field), _message(error, definition))


def abbreviated(text: str) -> str:
    """Return a text as messages quote it: what stands before @ in a URL, or behind its question mark, can be a credential."""
    return _QUERY.sub("?***", _USER.sub("//***@", text))


def _message(error: ValidationError, definition: Definition) -> str:
    rules = definition.get(error.field, {})
    if error.code == errors.UNKNOWN_FIELD.code:
        return _unknown(str(error.field), (name for name, its in definition.items() if "alias_of" not in its))
    if error.code == errors.REQUIRED_FIELD.code:
        return "is required"
    got = "" if _holds_secret(rules) else _shown(error.value)
    if error.code == UNAVAILABLE.code:
        return _unavailable(error.constraint, got)
    if "expected" in rules.get("meta", {}):
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
    if isinstance(value, (dict, list)):
        return f" (got {'an object' if isinstance(value, dict) else 'a list'})"
    if isinstance(value, bool):
        return f" (got {'true' if value else 'false'})"
    if type(value) is str:
        return f" (got {shown(abbreviated(value))})"
    return f" (got {shown(value)})"


def _holds_secret(rules: Mapping[str, Any]) -> bool:
    children = (child for child in rules.values() if isinstance(child, Mapping))
    return rules.get("secret") is True or any(_holds_secret(child) for child in children)
