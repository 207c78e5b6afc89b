"""`real-ip`: where a request comes from, as a proxy before this gateway tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import ClassVar

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl, variable

_CHAIN = "http_x_forwarded_for"
_LONGEST = 60


@dataclass(kw_only=True)
class RealIp(Plugin):
    """Believes those proxies that it names, and nobody else: whoever is not listed is the client.

    It runs before all other plugins of its chain, and restrictions, conditions and the log go by what it finds. Routes were
    matched by then; what upstreams are told of the way is for the gateway's `trusted_proxies`, which go before it.
    """

    name: ClassVar[str] = "real-ip"
    priority: ClassVar[int] = 23000
    schema: ClassVar = {
        "source": {
            "type": "string",
            "required": True,
            "empty": False,
            "about": "The variable that has the address, such as http_x_forwarded_for.",
        },
        "trusted_addresses": {
            "type": "list",
            "required": True,
            "minlength": 1,
            "schema": {"type": "string", "format": "network"},
            "about": "The addresses and blocks of the proxies that are believed.",
        },
        "recursive": {
            "type": "boolean",
            "default": False,
            "about": "Take the last address of X-Forwarded-For that is none of theirs.",
        },
    }

    source: str
    trusted_addresses: tuple[str, ...]
    recursive: bool

    def check(self) -> Iterable[Finding]:
        """Refuse a source that is no variable, and warn where everybody is believed."""
        try:
            variable(self.source)
        except ValueError as error:
            yield Finding("source", str(error))
        if self.recursive and self.source != _CHAIN:
            yield Finding("recursive", f"has a meaning with the source {_CHAIN} alone: remove it")
        for index, text in enumerate(self.trusted_addresses):
            if ip_network(text, strict=False).prefixlen == 0:
                message = "believes everybody: a client can say what address it likes"
                yield Finding(f"trusted_addresses[{index}]", message, "warning")

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        self.logger = services.logger
        self._read = variable(self.source)
        self._trusted = [ip_network(text, strict=False) for text in self.trusted_addresses]

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Set the client's address, where a trusted proxy tells one."""
        if not self._is_trusted(exchange.request.client):
            return None
        address = self._address(exchange)
        if address is None:
            fields = {"plugin": self.name, "source": self.source, "request_id": exchange.request_id}
            self.logger.info("no client address", extra=fields)
        else:
            exchange.set_client(address)
        return None

    def _address(self, exchange: Exchange) -> str | None:
        headers = exchange.original.headers
        if self.source == _CHAIN:
            return self._last_of(",".join(headers.get_all("x-forwarded-for")).split(","))
        if self.source.startswith("http_"):
            told = headers.get_all(self.source.removeprefix("http_").replace("_", "-"))
            # Of two, nobody could say which one the proxy wrote.
            return _parsed(told[0]) if len(told) == 1 else None
        return _parsed(self._read(exchange.original, exchange.params) or "")

    def _last_of(self, hops: list[str]) -> str | None:
        """Return the last address; where it is a proxy's and those are passed over, the last one that is none."""
        found = None
        for hop in reversed(hops):
            address = _parsed(hop)
            if address is None:
                break
            found = address
            if not self.recursive or not self._is_trusted(address):
                break
        return found

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._trusted)


def _parsed(text: str) -> str | None:
    """Return an address without the port that some proxies add; None for what is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text)) if len(text) <= _LONGEST else None
    except ValueError:
        return None
