"""`ua-restriction`: which user agents may send requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl

from .refusal import refused

_PATTERNS = {"type": "list", "minlength": 1, "schema": {"type": "string", "minlength": 1, "maxlength": 1024}}
# What patterns are tried on: a search may take the square of it.
_LOOKED_AT = 512


@dataclass(kw_only=True)
class UaRestriction(Plugin):
    """Lets requests through whose `User-Agent` an allowlist's pattern finds something in, and those of a denylist not.

    Clients write what they like there: it keeps robots out that say who they are.
    """

    name: ClassVar[str] = "ua-restriction"
    priority: ClassVar[int] = 2999
    schema: ClassVar = {
        "allowlist": {**_PATTERNS, "about": "Patterns, one of which must be found."},
        "denylist": {**_PATTERNS, "about": "Patterns, none of which may be found."},
        "bypass_missing": {"type": "boolean", "default": False, "about": "Let requests without User-Agent through."},
        "message": {
            "type": "string",
            "minlength": 1,
            "maxlength": 1024,
            "default": "Not allowed",
            "about": "The sentence of a refusal.",
        },
    }

    allowlist: tuple[str, ...] = ()
    denylist: tuple[str, ...] = ()
    bypass_missing: bool
    message: str

    def check(self) -> Iterable[Finding]:
        """Refuse a restriction that restricts nothing, and patterns that are none."""
        if not (self.allowlist or self.denylist):
            yield Finding("allowlist", "is required (or denylist)")
        yield from _wrong("allowlist", self.allowlist)
        yield from _wrong("denylist", self.denylist)

    async def open(self, services: Services) -> None:
        """Compile the patterns."""
        self.logger = services.logger
        self._allowed = [re.compile(pattern) for pattern in self.allowlist]
        self._denied = [re.compile(pattern) for pattern in self.denylist]

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through, or refuse it."""
        told = exchange.original.headers.get_all("user-agent")
        if self.bypass_missing if not told else all(map(self._may, told)):
            return None
        return refused(
            exchange,
            self.logger,
            plugin=self.name,
            reason="the user agent is not allowed",
            message=self.message,
            status=403,
        )

    def _may(self, agent: str) -> bool:
        """Tell whether an agent may. The denylist counts first, and what is too long to be looked at may not."""
        if len(agent) > _LOOKED_AT or any(pattern.search(agent) for pattern in self._denied):
            return False
        return not self._allowed or any(pattern.search(agent) for pattern in self._allowed)


def _wrong(key: str, patterns: Iterable[str]) -> Iterator[Finding]:
    for index, pattern in enumerate(patterns):
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            yield Finding(f"{key}[{index}]", f"is no regular expression: {error}")
