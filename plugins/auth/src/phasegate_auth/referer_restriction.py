"""`referer-restriction`: which pages requests may come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl

from .refusal import refused

_HOSTS = {
    "type": "list",
    "minlength": 1,
    "schema": {
        "type": "string",
        "regex": r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]",
        "meta": {"expected": "a host name such as example.com or *.example.com"},
    },
}


class Hosts:
    """Host names, those that begin with `*.` for all names below theirs."""

    def __init__(self, names: Iterable[str]) -> None:
        lower = [name.lower() for name in names]
        self._exact = frozenset(name for name in lower if not name.startswith("*"))
        self._below = tuple(name.removeprefix("*") for name in lower if name.startswith("*"))

    def __contains__(self, host: str) -> bool:
        """Tell whether a host in lower case is one of them."""
        return host in self._exact or (bool(self._below) and host.endswith(self._below))


@dataclass(kw_only=True)
class RefererRestriction(Plugin):
    """Lets requests from the hosts of a whitelist through and those from a blacklist not, as their `Referer` says.

    Clients write what they like there: it keeps other sites from embedding, and nobody who means ill.
    """

    name: ClassVar[str] = "referer-restriction"
    priority: ClassVar[int] = 2990
    schema: ClassVar = {
        "whitelist": {**_HOSTS, "about": "The hosts that may; no others may."},
        "blacklist": {**_HOSTS, "about": "The hosts that may not."},
        "bypass_missing": {"type": "boolean", "default": False, "about": "Let requests without Referer through."},
        "message": {
            "type": "string",
            "minlength": 1,
            "maxlength": 1024,
            "default": "Your referer host is not allowed",
            "about": "The sentence of a refusal.",
        },
    }

    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    bypass_missing: bool
    message: str

    def check(self) -> Iterable[Finding]:
        """Refuse a restriction that restricts nothing."""
        if not (self.whitelist or self.blacklist):
            yield Finding("whitelist", "is required (or blacklist)")

    async def open(self, services: Services) -> None:
        """Bring the lists into a form that is quickly asked."""
        self.logger = services.logger
        self._allowed, self._denied = Hosts(self.whitelist), Hosts(self.blacklist)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through, or refuse it."""
        told = exchange.original.headers.get_all("referer")
        if self.bypass_missing if not told else self._may([host_of(text) for text in told]):
            return None
        return refused(
            exchange,
            self.logger,
            plugin=self.name,
            reason="the referer is not allowed",
            message=self.message,
            status=403,
        )

    def _may(self, hosts: list[str]) -> bool:
        """Tell whether all of the hosts may: of two fields, nobody could say which one counts."""
        return all(
            host and host not in self._denied and (not self.whitelist or host in self._allowed) for host in hosts
        )


def host_of(text: str) -> str:
    """Return the host of a URL in lower case, "" for what is none."""
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        return ""
    if host is None or "\\" in text:
        return ""
    return f"[{host}]" if ":" in host else host.removesuffix(".")
