"""One request to the Admin API, taken apart: who asks, for what, and how."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote

from ..http.message import Request
from ..settings import AdminKey
from .answers import Refused
from .body import LIMIT_BYTES, NOTHING, read

PREFIX = "/apisix/admin"
_FLAGS = {"1": True, "true": True, "0": False, "false": False}


class Call:
    """A request whose key is good."""

    def __init__(self, request: Request, user: AdminKey) -> None:
        self.request = request
        self.user = user
        self.method = "GET" if request.method == "HEAD" else request.method
        self.segments = tuple(unquote(part) for part in request.path.removeprefix(PREFIX).split("/") if part)
        self._judge_ttl()

    @property
    def reads_secrets(self) -> bool:
        """Whether answers may show secrets."""
        return self.user.role == "admin"

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be written."""
        return self.flag("dry_run")

    @property
    def everywhere(self) -> bool:
        """Whether the answer waits for all workers."""
        wanted = self.request.query.get("wait")
        if wanted not in (None, "all"):
            raise Refused(400, "invalid argument wait: should be all")
        return wanted == "all"

    @property
    def note(self) -> str:
        """What a revision says of its cause when nobody says more."""
        return f"{self.method} {self.request.path}"

    def flag(self, name: str) -> bool:
        """Return what a query argument says, false where it is not there. Raise Refused for anything but a truth value."""
        text = self.request.query.get(name, "false") or ""
        if text not in _FLAGS:
            raise Refused(400, f"invalid argument {name}: should be 1, 0, true or false")
        return _FLAGS[text]

    def number(self, name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
        """Return what a query argument says as a number. Raise Refused for one out of bounds."""
        text = self.request.query.get(name)
        if text is None:
            return default
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
        if number is None or number < least or (most is not None and number > most):
            bounds = f"be at least {least}" if most is None else f"be between {least} and {most}"
            raise Refused(400, f"{name} must {bounds}")
        return number

    async def body(self, limit_bytes: int = LIMIT_BYTES) -> Any:
        """Return the body's JSON value, NOTHING where there is none. Raise Refused for a body that is no JSON."""
        return await read(self.request, limit_bytes)

    async def object(self, limit_bytes: int = LIMIT_BYTES, absent: str = "missing configurations") -> dict[str, Any]:
        """Return the body, which is an object. Raise Refused where it is none, with the reason `absent` where it is empty."""
        value = await self.body(limit_bytes)
        if value is NOTHING:
            raise Refused(400, absent)
        if not isinstance(value, dict):
            raise Refused(400, "invalid configuration: the body must be an object")
        return value

    def _judge_ttl(self) -> None:
        text = self.request.query.get("ttl")
        if text is None:
            return
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise Refused(400, "invalid argument ttl: should be a number")
        raise Refused(400, "argument ttl is not supported in this version")
