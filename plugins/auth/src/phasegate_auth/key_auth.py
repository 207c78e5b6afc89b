"""`key-auth`: the caller is known by a key in a header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Outcome, Plugin, Response, Services, hookimpl


@dataclass(kw_only=True)
class KeyAuth(Plugin):
    """Finds the consumer whose `key` stands in the header, and takes the header out before the request goes on.

    Field names and defaults are APISIX's, but for `hide_credentials`, which is on here.
    """

    name: ClassVar[str] = "key-auth"
    priority: ClassVar[int] = 2500
    schema: ClassVar = {
        "header": {"type": "string", "regex": "[A-Za-z0-9_-]+", "default": "apikey"},
        "hide_credentials": {"type": "boolean", "default": True},
        "realm": {"type": "string", "regex": r"[ !#-\[\]-~]+", "default": "key"},
    }
    consumer_schema: ClassVar = {
        "key": {"type": "string", "required": True, "empty": False, "secret": True, "format": "header-value"}
    }
    consumer_key: ClassVar[str | None] = "key"

    header: str
    hide_credentials: bool
    realm: str

    async def open(self, services: Services) -> None:
        """Take the directory of consumers."""
        self._consumers = services.consumers

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Look the header's key up. Two keys at once are refused, since nobody could say which one counts."""
        keys = exchange.original.headers.get_all(self.header)
        challenge = f'apikey realm="{self.realm}"'
        if not keys:
            return Outcome.absent("Missing API key in request", challenge=challenge)
        found = self._consumers.find(self.name, keys[0]) if len(keys) == 1 else None
        if found is None:
            reason = "no consumer has this key" if len(keys) == 1 else f"{len(keys)} keys in one request"
            return Outcome.invalid("Invalid API key in request", challenge=challenge, reason=reason)
        return Outcome.ok(*found)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Take the key out of the request, so that no upstream sees it."""
        if self.hide_credentials:
            exchange.request.headers.remove(self.header)
        return None
