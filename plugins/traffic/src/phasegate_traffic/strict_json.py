"""JSON that every reader takes for the same value, so that what was judged is what the upstream reads."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

# The largest that readers have in common has 309 digits (RFC 8259 section 6).
_MOST_DIGITS = 308


def loads(data: bytes) -> Any:
    """Return a value. Raise ValueError for what is no JSON in UTF-8 (RFC 8259), and where readers may differ.

    They do over a key that stands twice in an object, over NaN and infinities, numbers that are infinite to most, halves of
    surrogate pairs, and nesting that is too deep for some.
    """
    hooks: dict[str, Any] = {"object_pairs_hook": _distinct, "parse_constant": _refuse}
    text = data.decode("utf-8")
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_finite, **hooks)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if r"\ud" in text.lower():
        # Half of a pair of surrogates is no character, and not to be written either.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number is out of range")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
