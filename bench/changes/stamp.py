"""A plugin that every route has beside the two that come with the gateway: it writes a header on answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Plugin, Response, hookimpl


@dataclass(kw_only=True)
class Stamp(Plugin):
    """Answers carry `value` as `x-stamp`."""

    name: ClassVar = "stamp"
    priority: ClassVar = 100
    schema: ClassVar = {"value": {"type": "string", "required": True, "maxlength": 100}}

    value: str

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> None:
        """Write the header."""
        response.headers["x-stamp"] = self.value
