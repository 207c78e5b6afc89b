"""Numbers with units, as load generators print them."""

from __future__ import annotations

import re

from .errors import UnreadableLoad

_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0, "h": 3_600_000.0}
_THOUSANDS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")


def milliseconds(text: str) -> float:
    """Return a time such as `592.24us`, `3.14ms`, `1.02s` or `1.10m` in milliseconds."""
    return _scaled(text, _MILLISECONDS)


def count(text: str) -> float:
    """Return a number such as `89405.72` or `90.17k`."""
    return _scaled(text, _THOUSANDS)


def _scaled(text: str, factors: dict[str, float]) -> float:
    match = _FORM.fullmatch(text.strip())
    if match is None or match[2] not in factors:
        raise UnreadableLoad(f"can't read {text!r} as a number with a unit out of {', '.join(filter(None, factors))}")
    return float(match[1]) * factors[match[2]]
