"""`key-auth`: the caller is known by a key in a header or in the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Outcome, Request, Services, hookimpl

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
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Look the key up. Two keys in one place are refused, since nobody could say which one counts."""
        keys, field = [], self._field
        for name, value in exchange.received[-1]:
            if name == field:
                keys.append(value.decode("latin-1"))
        if not keys:
            keys = exchange.original.query.get_all(self.query)
        if not keys:
            return self.absent()
        if len(keys) > 1:
            return self.invalid(f"{len(keys)} keys in one request")
        return self.consumers.caller(self.name, keys[0]) or self.invalid("no consumer has this key")

    def conceal(self, request: Request) -> None:
        """Take the key out of the request, so that no upstream sees it."""
        if self.hide_credentials:
            headers, hidden = request.headers, self._field
            headers.raw = [field for field in headers.raw if field[0] != hidden]
            if request.query.raw and self.query in request.query:
                request.query = request.query.without(self.query)
