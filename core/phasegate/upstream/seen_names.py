"""The names of an answer's fields, judged once: those of the next answer over a connection are mostly the same."""

from __future__ import annotations

from ..http.headers import RawHeaders
from ..http.hygiene import HOP_BY_HOP

# What a connection remembers at most: upstreams make names up, of any length.
_REMEMBERED, _REMEMBERED_BYTES = 64, 2_048


class SeenNames:
    """What follows from the names alone, as they were sent and in their order."""

    __slots__ = ("kept", "lower", "others", "sent")

    def __init__(self, sent: list[bytes]) -> None:
        self.sent = sent
        self.lower = lower = [name.lower() for name in sent]
        self.kept = lower.index(b"connection") if b"connection" in lower else None
        """Which of them is `Connection`."""
        others = lower if self.kept is None else lower[: self.kept] + lower[self.kept + 1 :]
        self.others = others if HOP_BY_HOP.isdisjoint(others) else None
        """Those that pass where `Connection` names no field, None where more has to be looked at."""

    def with_values(self, values: list[bytes]) -> RawHeaders:
        """Return the fields that have them, all of them."""
        return [*zip(self.lower, values, strict=True)]

    def are_few(self) -> bool:
        """Tell whether they are worth remembering."""
        return len(self.sent) <= _REMEMBERED and sum(map(len, self.sent)) <= _REMEMBERED_BYTES


NO_NAMES = SeenNames([])
"""Those of an answer without fields."""
