"""What passes on of a request's fields, remembered while a connection's requests have the same ones."""

from __future__ import annotations

from typing import Any

from .headers import RawHeaders, name_of

BEFORE = 2
"""How many of a call's headers stand before those that pass on: `host`, and the request's id."""


class Passing:
    """What passes on to upstreams of a request's fields, so that it is judged and joined once.

    It is made for `said`, the fields that a client repeats. Whoever reads it compares: it holds for a request whose fields
    are `held`, behind its id, and that came by what is in `by`. It lives as long as its connection.
    """

    __slots__ = ("by", "end", "fields", "held", "is_anonymous", "is_new", "lines", "said")

    def __init__(self, said: RawHeaders) -> None:
        self.said = said
        self.is_anonymous = b"x-request-id" not in map(name_of, said)
        """Whether the client leaves it to the gateway to give its requests their ids."""
        self.is_new = True
        """Whether there was no request yet."""
        self.held: RawHeaders | None = None
        self.by: tuple[Any, ...] = ()
        self.fields: RawHeaders = []
        self.lines = b""
        """The fields as lines, without an end behind the last; empty as long as there are none."""
        self.end = 0
        """Where they end in a call's headers."""

    def learn(self, held: RawHeaders, by: tuple[Any, ...], fields: RawHeaders) -> None:
        """Remember what passed, unless no line can be made of it."""
        if fields and not any(byte in b"".join(field) for field in fields for byte in b"\r\n\0"):
            self.held, self.by, self.fields = held, by, fields
            self.lines = b"\r\n".join(map(b": ".join, fields))
            self.end = BEFORE + len(fields)
