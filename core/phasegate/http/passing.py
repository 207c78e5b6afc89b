"""What passes on of a request's fields, remembered while a connection's requests have the same ones."""

from __future__ import annotations

from typing import Any

from .headers import RawHeaders


class Passing:
    """What passed of one request's fields to an upstream, so that the same need not be judged and joined once more.

    Whoever reads it compares: `fields` are those that pass of a request whose fields are `said`, behind the request's id, and
    that came by what is in `by`; `said` is None until there was one. It lives as long as its connection.
    """

    __slots__ = ("by", "end", "fields", "lines", "said")

    def __init__(self) -> None:
        self.said: RawHeaders | None = None
        self.by: tuple[Any, ...] = ()
        self.fields: RawHeaders = []
        self.lines = b""
        """The fields as lines, without an end behind the last; empty as long as there are none."""
        self.end = 0
        """Where they end in a call's headers: before them stand `host` and the request's id."""

    def learn(self, said: RawHeaders, by: tuple[Any, ...], fields: RawHeaders) -> None:
        """Remember what passed, unless no line can be made of it."""
        if not fields or any(byte in b"".join(field) for field in fields for byte in b"\r\n\0"):
            return
        self.said, self.by, self.fields = said, by, fields
        self.lines = b"\r\n".join(map(b": ".join, fields))
        self.end = 2 + len(fields)
