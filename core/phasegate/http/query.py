"""A query string: kept as the client sent it, read as pairs."""

from __future__ import annotations

from urllib.parse import unquote_plus


class Query:
    """The part of a target after `?`, without the question mark.

    `raw` is what goes on the wire, in the client's order and spelling; the methods decode (a plus is a space).
    """

    __slots__ = ("_pairs", "raw")

    def __init__(self, raw: str = "") -> None:
        self.raw = raw
        self._pairs: list[tuple[str, str]] | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """Return every name and value, decoded, in order; a name without `=` has the value ""."""
        if self._pairs is None:
            split = (pair.partition("=") for pair in self.raw.split("&") if pair)
            self._pairs = [(unquote_plus(name), unquote_plus(value)) for name, _, value in split]
        return self._pairs

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of `name`, or `default` when there is none."""
        for other, value in self.pairs():
            if other == name:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Return every value of `name` in order."""
        return [value for other, value in self.pairs() if other == name]

    def without(self, name: str) -> Query:
        """Return the query without the pairs of that name; all others keep their spelling."""
        kept = [pair for pair in self.raw.split("&") if unquote_plus(pair.partition("=")[0]) != name]
        return Query("&".join(kept))

    def __contains__(self, name: str) -> bool:
        raw = self.raw
        if name not in raw and "%" not in raw and "+" not in raw:
            return False  # what nobody has escaped is there as it is, or not at all
        return any(other == name for other, _ in self.pairs())

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Query) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Name the arguments and leave their values out: they may be credentials."""
        return f"Query({', '.join(name for name, _ in self.pairs())})"
