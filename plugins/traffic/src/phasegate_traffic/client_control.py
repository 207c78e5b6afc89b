"""`client-control`: how long a request's body may be, on one route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Plugin, Response, hookimpl


@dataclass(kw_only=True)
class ClientControl(Plugin):
    """Refuses longer bodies: at once where the length is declared, on the way where it is not, whoever reads them.

    The gateway's own limit (`limits.body_bytes`) holds besides, so this one can only be lower.
    """

    name: ClassVar[str] = "client-control"
    priority: ClassVar[int] = 22000
    schema: ClassVar = {
        "max_body_size": {
            "type": "integer",
            "min": 0,
            "default": 0,
            "about": "Bytes of a body; over it the answer is 413, and 0 is no limit.",
        }
    }

    max_body_size: int

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Limit the body; 0 is no limit."""
        if self.max_body_size:
            exchange.request.body.limit(self.max_body_size)
        return None
