"""`ip-restriction`: which addresses requests may come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import ClassVar

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl

from .refusal import refused

_NETWORKS = {"type": "list", "minlength": 1, "schema": {"type": "string", "format": "network"}}
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAPPED_BITS = 96


class Networks:
    """Addresses and blocks of them. Asking costs one lookup for each length of a block's prefix that there is."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._blocks: dict[tuple[int, int], set[int]] = {}
        for text in texts:
            network = _plain(ip_network(text, strict=False))
            shift = network.max_prefixlen - network.prefixlen
            blocks = self._blocks.setdefault((network.version, shift), set())
            blocks.add(int(network.network_address) >> shift)

    def __contains__(self, address: Address) -> bool:
        """Tell whether an address lies in one of the blocks."""
        number, version = int(address), address.version
        return any(number >> shift in blocks for (kind, shift), blocks in self._blocks.items() if kind == version)


def _plain(network: Network) -> Network:
    """Return a block of IPv4 addresses in IPv6's clothes (RFC 4291 section 2.5.5.2) as what it is, any other as it stands."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ip_network((mapped, network.prefixlen - _MAPPED_BITS))


@dataclass(kw_only=True)
class IpRestriction(Plugin):
    """Lets addresses of a whitelist through and those of a blacklist not.

    The address is the one that the request is taken to come from: behind proxies, only trusted ones are believed.
    """

    name: ClassVar[str] = "ip-restriction"
    priority: ClassVar[int] = 3000
    schema: ClassVar = {
        "whitelist": {**_NETWORKS, "about": "The addresses and blocks that may; no others may."},
        "blacklist": {**_NETWORKS, "about": "Those that may not, even where the whitelist has them."},
        "message": {
            "type": "string",
            "minlength": 1,
            "maxlength": 1024,
            "default": "Your IP address is not allowed",
            "about": "The sentence of a refusal.",
        },
        "response_code": {
            "type": "integer",
            "min": 403,
            "max": 404,
            "default": 403,
            "about": "The status of a refusal.",
        },
    }

    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    message: str
    response_code: int

    def check(self) -> Iterable[Finding]:
        """Refuse a restriction that restricts nothing."""
        if not (self.whitelist or self.blacklist):
            yield Finding("whitelist", "is required (or blacklist)")

    async def open(self, services: Services) -> None:
        """Bring the lists into a form that is quickly asked."""
        self.logger = services.logger
        self._allowed, self._denied = Networks(self.whitelist), Networks(self.blacklist)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through, or refuse it."""
        client = exchange.original.client
        if self._may(client):
            return None
        return refused(
            exchange,
            self.logger,
            plugin=self.name,
            reason=f"the address {client} is not allowed",
            message=self.message,
            status=self.response_code,
        )

    def _may(self, client: str) -> bool:
        """Tell whether an address may; an IPv4 address in IPv6's clothes is what it is, and what is no address may not."""
        try:
            address = ip_address(client.partition("%")[0])
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return plain not in self._denied and (not self.whitelist or plain in self._allowed)
