"""`Accept-Encoding`: which codings a client takes, and which it likes better (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ITEM = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\s*;\s*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")
_MOST = 32


def weights(values: Iterable[str]) -> dict[str, float]:
    """Return the weight of each coding by its lower-case name, 0 for one that is not taken; what is none is left out."""
    found: dict[str, float] = {}
    for item in ",".join(values).split(",")[:_MOST]:
        match = _ITEM.fullmatch(item.strip())
        if match is not None:
            found[match[1].lower()] = 1.0 if match[2] is None else float(match[2])
    return found
