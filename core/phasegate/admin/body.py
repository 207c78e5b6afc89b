"""Request bodies: JSON without anything that two readers could understand differently."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from typing import Any, NoReturn

import orjson

from ..errors import PayloadTooLarge
from ..http.message import Request
from .answers import Refused

LIMIT_BYTES = 1_572_864
"""The longest body of a write to one resource, as in APISIX."""
WHOLE_LIMIT_BYTES = 67_108_864
"""The longest body that may hold a whole configuration."""

_DEEPEST = 50
_THREAD_BYTES = 65_536
NOTHING = object()
"""What a request without a body brought."""


async def read(request: Request, limit_bytes: int) -> Any:
    """Return what the body holds, NOTHING where there is none. Raise Refused with the reason."""
    try:
        data = await request.body.read(limit_bytes)
    except PayloadTooLarge as error:
        reason = f"request size is greater than the maximum size {limit_bytes} allowed"
        raise _invalid(reason) from error
    if not data.strip():
        return NOTHING
    # Large ones in a thread, so that requests go on meanwhile.
    return parse(data) if len(data) < _THREAD_BYTES else await asyncio.to_thread(parse, data)


def parse(data: bytes) -> Any:
    """Return the JSON value (RFC 8259).

    Raise Refused for what is none, and for what the grammar lets pass though nobody means it: a repeated key, a number
    out of every range, half a surrogate pair, nesting over 50.
    """
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_object, parse_constant=_no_number, parse_float=_float, parse_int=_integer
        )
        _judge_depth(value)
        orjson.dumps(value)
    except RecursionError as error:
        raise _invalid(f"it is nested more than {_DEEPEST} deep") from error
    except UnicodeDecodeError as error:
        raise _invalid(f"it is no UTF-8 at byte {error.start}") from error
    except TypeError as error:
        raise _invalid("it holds text that is no Unicode") from error
    except json.JSONDecodeError as error:
        raise _invalid(f"{error.msg} at line {error.lineno} column {error.colno}") from error
    except ValueError as error:
        raise _invalid(str(error)) from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        repeated = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"key {repeated[:60]!r} is repeated")
    return made


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return number


def _integer(text: str) -> int:
    number = int(text) if len(text) <= 20 else 1 << 64
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{text[:20]} is too large for an integer")
    return number


def _judge_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise ValueError(f"it is nested more than {_DEEPEST} deep")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _invalid(reason: str) -> Refused:
    return Refused(400, f"invalid request body: {reason}")
