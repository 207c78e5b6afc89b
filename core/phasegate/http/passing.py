"""What passes on of a request's fields, remembered while a connection's requests have the same ones."""

from __future__ import annotations

from typing import Any

from .headers import RawHeaders

BEFORE = 2
"""How many of a call's headers stand before those that pass on: `host`, and the request's id."""


class Passing:
    """What passes on to upstreams of `said`, the fields that a client repeats, so that it is judged and joined once.

    Whoever reads it compares: it holds for a request whose fields are still these, behind its id, and that came by what is in
    `by`. What plugins add is not in it. It lives as long as its connection.
    """

    __slots__ = ("by", "end", "fields", "lines", "said")

    def __init__(self, said: RawHeaders) -> None:
        self.said = said
        self.by: tuple[Any, ...] | None = None
        """The rest of what decides what passes, as it was with the first request; None before that."""
        self.fields: RawHeaders = []
        self.lines = b""
        """The fields as lines, without an end behind the last; empty as long as there are none."""
        self.end = 0
        """Where they end in a call's headers."""

    def learn(self, by: tuple[Any, ...], fields: RawHeaders) -> None:
        """Remember what passed, unless no line can be made of it."""
        if fields and not any(byte in b"".join(field) for field in fields for byte in b"\r\n\0"):
            self.by, self.fields = by, fields
            self.lines = b"\r\n".join(map(b": ".join, fields))
            self.end = BEFORE + len(fields)
