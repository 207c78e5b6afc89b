"""Ids for requests: 128 random bits each, out of a stock that is drawn at once."""

from __future__ import annotations

import os

_BYTES = 16
_STOCK = 256
_stock: list[str] = []


def new() -> str:
    """Return an id of 32 hexadecimal digits that nobody can guess."""
    if not _stock:
        _stock.extend(os.urandom(_BYTES * _STOCK).hex(" ", _BYTES).split())
    return _stock.pop()


# Else a child would give out its parent's.
os.register_at_fork(after_in_child=_stock.clear)
