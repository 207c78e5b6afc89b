"""`csrf`: requests that change something come from pages that could read our cookie (the double submit cookie pattern).

Source: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Finding, Plugin, Response, Secret, Services, hookimpl

from . import cookies
from .refusal import refused

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN = re.compile(r"([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")
_RANDOM_BYTES = 16
_SHORT = 16


@dataclass(kw_only=True)
class Csrf(Plugin):
    """Gives browsers a token in a cookie, and asks for the same token in a header wherever a request may change something."""

    name: ClassVar[str] = "csrf"
    priority: ClassVar[int] = 2980
    schema: ClassVar = {
        "key": {
            "type": "string",
            "required": True,
            "empty": False,
            "secret": True,
            "about": "What tokens are signed with; 16 characters or more.",
        },
        "expires": {
            "type": "integer",
            "min": 0,
            "default": 7200,
            "about": "Seconds that a token counts; 0 is for ever.",
        },
        "name": {
            "type": "string",
            "regex": "[A-Za-z0-9_-]{1,100}",
            "default": "apisix-csrf-token",
            "about": "The cookie and the header that the token stands in.",
        },
    }

    key: Secret
    expires: int
    name_: str

    def check(self) -> Iterable[Finding]:
        """Warn of a key that can be guessed."""
        if len(self.key.value) < _SHORT:
            yield Finding("key", f"has fewer than {_SHORT} characters, and who guesses it makes tokens", "warning")

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        self.clock = services.clock
        self.logger = services.logger

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through if it changes nothing, or has one good token in header and cookie."""
        request = exchange.original
        if request.method in _SAFE and exchange.request.method in _SAFE:
            return None
        told, kept = request.headers.get_all(self.name_), cookies.values(request.headers, self.name_)
        reason = self._why_not(told, kept)
        if reason is None:
            return None
        message = "Failed to verify the csrf token"
        return refused(exchange, self.logger, plugin=self.name, reason=reason, message=message, status=403)

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Give a token to whoever has none that still lasts for half its time."""
        kept = cookies.values(exchange.original.headers, self.name_)
        if len(kept) != 1 or not self._holds(kept[0], self.expires / 2):
            lasting = f"; Max-Age={self.expires}" if self.expires else ""
            secure = "; Secure" if exchange.original.scheme == "https" else ""
            cookie = f"{self.name_}={self._made()}; Path=/{lasting}; SameSite=Lax{secure}"
            response.headers.add("set-cookie", cookie)
        return None

    def _why_not(self, told: list[str], kept: list[str]) -> str | None:
        if len(told) != 1 or len(kept) != 1:
            return f"{len(told)} tokens in headers and {len(kept)} in cookies"
        if not hmac.compare_digest(told[0].encode(), kept[0].encode()):
            return "header and cookie have different tokens"
        return None if self._holds(told[0], self.expires) else "the token is over, or none of ours"

    def _made(self) -> str:
        begin = f"{int(self.clock.time())}.{secrets.token_hex(_RANDOM_BYTES)}"
        return f"{begin}.{self._signature(begin)}"

    def _holds(self, token: str, seconds: float) -> bool:
        match = _TOKEN.fullmatch(token)
        if match is None:
            return False
        signature = self._signature(f"{match[1]}.{match[2]}")
        if not hmac.compare_digest(signature, match[3]):
            return False
        return not self.expires or 0 <= self.clock.time() - int(match[1]) <= seconds

    def _signature(self, text: str) -> str:
        return hmac.digest(self.key.value.encode(), f"{self.name_}={text}".encode(), "sha256").hex()
