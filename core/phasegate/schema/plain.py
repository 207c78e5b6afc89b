"""Values that are plainly good: a few comparisons see it, and cerberus, which takes fifty times as long, need not be asked.

What is not plainly good, or has a rule that is not known here, cerberus judges; it alone says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .rules import MATCHERS, FiniteFloat

Test = Callable[[Any], bool]

_TYPES: dict[str, Test] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "float": lambda value: type(value) is int or isinstance(value, FiniteFloat),
    "number": lambda value: type(value) is int or isinstance(value, FiniteFloat),
    "boolean": lambda value: type(value) is bool,
    "dict": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
}
_NUMERIC = frozenset({"integer", "float", "number"})

# What they ask is seen to elsewhere: defaults, spellings and the insides of objects and lists.
_ELSEWHERE = frozenset(
    {"about", "alias_of", "default", "meta", "nullable", "required", "schema", "secret", "valuesrules"}
)

_TESTS: dict[str, Callable[[Any], Test]] = {
    "empty": lambda allowed: (lambda value: True) if allowed else _has_content,
    "min": lambda limit: lambda value: value >= limit,
    "max": lambda limit: lambda value: value <= limit,
    "minlength": lambda limit: lambda value: isinstance(value, (str, list, dict)) and len(value) >= limit,
    "maxlength": lambda limit: lambda value: isinstance(value, (str, list, dict)) and len(value) <= limit,
    "allowed": lambda values: lambda value: isinstance(value, (str, int)) and value in values,
    "available": lambda values: lambda value: value in values,
    "regex": lambda pattern: lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None,
    "format": lambda name: lambda value: isinstance(value, str) and MATCHERS[name](value),
}


class PlainTests:
    """The tests of one level of a schema."""

    def __init__(self, definition: Mapping[str, Mapping[str, Any]]) -> None:
        self._tests = {key: _tests(rules) for key, rules in definition.items()}
        self._required = frozenset(key for key, rules in definition.items() if rules.get("required"))

    def accept(self, value: Mapping[Any, Any]) -> bool:
        """Tell whether an object is plainly good, its insides aside; with False it may be good all the same."""
        if not self._required <= value.keys():
            return False
        for key, item in value.items():
            tests = self._tests.get(key)
            if tests is None:
                return False
            for test in tests:
                if not test(item):
                    return False
        return True


def _tests(rules: Mapping[str, Any]) -> tuple[Test, ...] | None:
    """Return what a value must pass to be plainly good, None where that can't be told."""
    wanted = rules.get("type", ())
    types = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    named = rules.keys() - _ELSEWHERE - {"type"}
    limited = named & {"min", "max"}
    if (
        not named <= _TESTS.keys()
        or not _TYPES.keys() >= set(types)
        or (limited and not (types and _NUMERIC.issuperset(types)))
    ):
        return None
    tests = [_TESTS[name](rules[name]) for name in named]
    return (_any_type(types), *tests)


def _any_type(types: Iterable[str]) -> Test:
    tests = [_TYPES[name] for name in types]
    if len(tests) == 1:
        return tests[0]
    # Without a type anything but null will do.
    return (lambda value: any(test(value) for test in tests)) if tests else lambda value: value is not None


def _has_content(value: Any) -> bool:
    return not isinstance(value, (str, list, dict)) or len(value) > 0
