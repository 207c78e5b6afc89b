"""`key-auth`: the caller is known by a key in a header or in the query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Outcome, Services, at_once, hookimpl

from .plugin import AuthPlugin, fields


@dataclass(kw_only=True)
class KeyAuth(AuthPlugin):
    """Finds the consumer whose `key` stands in the header, or where there is none, in the query's argument."""

    name: ClassVar[str] = "key-auth"
    priority: ClassVar[int] = 2500
    scheme: ClassVar[str] = "apikey"
    missing: ClassVar[str] = "Missing API key in request"
    wrong: ClassVar[str] = "Invalid API key in request"
    schema: ClassVar = {
        "header": {
            "type": "string",
            "regex": "[A-Za-z0-9_-]+",
            "default": "apikey",
            "about": "The header that the key stands in.",
        },
        "query": {
            "type": "string",
            "regex": "[A-Za-z0-9._~-]+",
            "default": "apikey",
            "about": "The argument of the query that it may stand in instead.",
        },
        **fields("key"),
    }
    consumer_schema: ClassVar = {
        "key": {
            "type": "string",
            "required": True,
            "empty": False,
            "secret": True,
            "format": "header-value",
            "about": "The consumer's key; no two have the same.",
        }
    }
    consumer_key: ClassVar[str | None] = "key"

    header: str
    query: str

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        await super().open(services)
        self._field = self.header.lower().encode("ascii")

    @hookimpl
    @at_once
    def authenticate(self, exchange: Exchange) -> Outcome:
        """Look the key up. Two keys in one place are refused, since nobody could say which one counts."""
        key, field, count = None, self._field, 0
        for name, value in exchange.received[-1]:
            if name == field:
                key, count = value.decode("latin-1"), count + 1
        if key is None:
            keys = exchange.original.query.get_all(self.query)
            if not keys:
                return self.absent()
            key, count = keys[0], len(keys)
        if count > 1:
            return self.invalid(f"{count} keys in one request")
        return self.consumers.caller(self.name, key) or self.invalid("no consumer has this key")

    def concealed_fields(self) -> Collection[str]:
        """Return the header that the key may stand in, so that no upstream sees it."""
        return (self.header,) if self.hide_credentials else ()

    def concealed_arguments(self) -> Collection[str]:
        """Return the argument that it may stand in, for the same reason."""
        return (self.query,) if self.hide_credentials else ()
