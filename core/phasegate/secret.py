"""A value that must not be seen: credentials out of configuration."""

from __future__ import annotations

import hmac

MASK = "***"


class Secret:
    """A secret string. `repr`, `str` and format give `***`; `value` alone gives it, and is read at each use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @property
    def value(self) -> str:
        """The secret itself. Read it where it is used and keep no copy: it may rotate."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)
