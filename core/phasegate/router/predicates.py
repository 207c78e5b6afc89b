"""`vars`: predicates on headers, query, cookies and request facts, in APISIX's notation.

A list of conditions that all must hold. A condition is `[variable, operator, value]`, with `"!"` before the operator for
its opposite, or `["AND" | "OR" | "!AND" | "!OR", condition, ...]`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..environment import holds_environment, shown
from ..http.address import is_within, parse_networks
from ..http.message import Request
from .variables import variable

Predicate = Callable[[Request, Mapping[str, str]], bool]
Test = Callable[[str | None], bool]

_NUMERIC = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_LOGIC = ("AND", "OR", "!AND", "!OR")
_OPERATORS = ("==", "~=", *_NUMERIC, "~~", "~*", "in", "ipmatch")


def compile_vars(expression: Sequence[object], given: Collection[str] = ()) -> Predicate:
    """Return what judges a request. Raise ValueError naming the condition that is none, with the remedy.

    `given` are further variables, which whoever asks knows (see `variable`).
    """
    if expression and isinstance(expression[0], str):
        return _condition(expression, "", given)
    return _all([_condition(item, f"[{index}]", given) for index, item in enumerate(expression)])


def _condition(item: object, path: str, given: Collection[str]) -> Predicate:
    if not isinstance(item, (list, tuple)) or not item or not isinstance(item[0], str):
        raise ValueError(f"{path} must be [variable, operator, value] or [AND, ...] (got {shown(item)})")
    if item[0].upper() in _LOGIC:
        parts = [_condition(part, f"{path}[{n}]", given) for n, part in enumerate(item[1:], 1)]
        return _logic(item[0].upper(), parts, path)
    negated = len(item) == 4 and item[1] == "!"
    if len(item) != (4 if negated else 3):
        raise ValueError(f"{path} must be [variable, operator, value] (got {shown(item)})")
    read, test = variable(item[0], path, given), _test(item[-2], item[-1], path)
    if negated:
        return lambda request, params: not test(read(request, params))
    return lambda request, params: test(read(request, params))


def _logic(word: str, parts: list[Predicate], path: str) -> Predicate:
    if not parts:
        raise ValueError(f"{path} {word} needs at least one condition")
    combined = _all(parts) if word.endswith("AND") else _any(parts)
    return (lambda request, params: not combined(request, params)) if word.startswith("!") else combined


def _all(parts: list[Predicate]) -> Predicate:
    return lambda request, params: all(part(request, params) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    return lambda request, params: any(part(request, params) for part in parts)


def _test(sign: object, wanted: Any, path: str) -> Test:
    name = sign.lower() if isinstance(sign, str) else ""
    if name in ("==", "~=", "!="):
        equals = _equals(wanted, path)
        return equals if name == "==" else lambda value: not equals(value)
    if name in _NUMERIC:
        return _compares(_NUMERIC[name], wanted, path)
    if name in ("~~", "~*"):
        return _matches(wanted, re.IGNORECASE if name == "~*" else 0, path)
    if name == "in":
        return _is_one_of(wanted, path)
    if name == "ipmatch":
        return _is_in_networks(wanted, path)
    raise ValueError(f"{path} has no operator {shown(sign)}: use one of {', '.join(_OPERATORS)}")


def _equals(wanted: Any, path: str) -> Test:
    if isinstance(wanted, bool) or not isinstance(wanted, (str, int, float)):
        raise ValueError(f"{path} compares with {shown(wanted)}: give a string or a number")  # noqa: TRY004
    if isinstance(wanted, str):
        return lambda value: value == wanted
    return lambda value: _number(value) == wanted


def _compares(compare: Callable[[float, float], bool], wanted: Any, path: str) -> Test:
    limit = _number(wanted)
    if limit is None:
        raise ValueError(f"{path} compares with {shown(wanted)}: give a number")
    return lambda value: (number := _number(value)) is not None and compare(number, limit)


def _matches(pattern: Any, flags: int, path: str) -> Test:
    try:
        compiled = re.compile(pattern, flags)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"{path} has a broken regular expression {shown(pattern)}: {_reason(pattern, error)}"
        ) from error
    return lambda value: value is not None and compiled.search(value) is not None


def _is_one_of(wanted: Any, path: str) -> Test:
    if not isinstance(wanted, (list, tuple)) or not wanted:
        raise ValueError(f"{path} takes a list of values for in (got {shown(wanted)})")
    tests = [_equals(value, path) for value in wanted]
    return lambda value: any(test(value) for test in tests)


def _is_in_networks(wanted: Any, path: str) -> Test:
    texts = (wanted,) if isinstance(wanted, str) else wanted
    try:
        networks = parse_networks(tuple(texts))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} takes addresses or CIDR blocks for ipmatch (got {shown(wanted)})") from error
    return lambda value: value is not None and is_within(value, networks)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _reason(pattern: object, error: Exception) -> str:
    return "it is no text" if isinstance(error, TypeError) else "" if holds_environment(pattern) else str(error)
