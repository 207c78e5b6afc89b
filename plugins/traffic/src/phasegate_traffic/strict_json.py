"""JSON that every reader takes for the same value, so that what was judged is what the upstream reads."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def loads(data: bytes) -> Any:
    """Return a value. Raise ValueError for what is no JSON in UTF-8 (RFC 8259), and where readers may differ.

    They do over a key that stands twice in an object, over NaN and infinities, and over nesting that is too deep for some.
    """
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
