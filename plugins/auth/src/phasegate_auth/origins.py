"""Origins that pages may have (RFC 6454), and which of them are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_LONGEST = 512

ANY = "*"
WHATEVER = "**"


def listed(text: str) -> list[str]:
    """Return the entries of a list with commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def is_origin(text: str) -> bool:
    """Tell whether a text is an origin as browsers write it: scheme, host and perhaps a port, in lower case."""
    return _ORIGIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins that are allowed: any of them (`*`, `**`), those of a list, and those that a pattern matches whole."""

    names: frozenset[str]
    patterns: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, text: str, patterns: Iterable[str] = ()) -> Origins:
        """Return the origins of a list with commas and of regular expressions."""
        return cls(frozenset(listed(text)), tuple(map(re.compile, patterns)))

    @property
    def answer_alike(self) -> bool:
        """Whether every origin gets the same answer."""
        return self.names == {ANY} and not self.patterns

    def allowed(self, origin: str | None) -> str | None:
        """Return what a page of an origin is answered: that it may, by its name or by `*`; None where it may not."""
        if self.answer_alike:
            return ANY
        if origin is None or len(origin) > _LONGEST:
            return None
        may = origin in self.names or WHATEVER in self.names or ANY in self.names
        return origin if may or any(pattern.fullmatch(origin) for pattern in self.patterns) else None
