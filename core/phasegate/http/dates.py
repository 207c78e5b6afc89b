"""The `Date` of an answer, made once a second."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache


def http_date() -> bytes:
    """Return the current time as an IMF-fixdate (RFC 9110 section 5.6.7)."""
    return _date(int(time.time()))


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
