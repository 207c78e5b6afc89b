"""Hosts and addresses as they stand in `Host`, in configuration and in forwarding headers."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ..errors import BadRequest

# RFC 1035 section 2.3.4 has 255 octets for a name; brackets and a port come on top.
_LONGEST = 263

Network = IPv4Network | IPv6Network

# RFC 3986 section 3.2.2: a registered name or IPv4 address, or an IPv6 address in brackets, then a port, which may be empty.
# Escapes, which no name of DNS needs, are refused: they would be a second spelling of hosts that have rules.
_AUTHORITY = re.compile(r"(\[([0-9A-Fa-f:.]+)\]|(?!\.(?::|$))[A-Za-z0-9\-._~!$&'()*+;=]+)(?::([0-9]{0,5}))?")


def parse_authority(text: str) -> tuple[str, int | None]:
    """Return the lower-case host (IPv6 in its brackets) and the port, None where none stands.

    Raise BadRequest for anything that is not one host with at most one port: a space, a slash, `@`, a comma.
    """
    if len(text) > _LONGEST:
        raise BadRequest(f"host {_without_userinfo(text)[:40]!r}... is longer than a host can be")
    return _parse_authority(text)


@lru_cache(maxsize=512)
def _parse_authority(text: str) -> tuple[str, int | None]:
    match = _AUTHORITY.fullmatch(text)
    if match is None or (match[2] and not _is_ipv6(match[2])):
        raise BadRequest(f"host {_without_userinfo(text)!r} is not a host name or address")
    host, _, port = match.groups()
    if port and int(port) > 65535:
        raise BadRequest(f"host {match.group()!r} has a port over 65535")
    return host.lower().removesuffix("."), int(port) if port else None


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _without_userinfo(text: str) -> str:
    """Return an authority as it may be logged: what stands before `@` can be a password."""
    return text if "@" not in text else f"***@{text.rpartition('@')[2]}"


def parse_address(text: str) -> str | None:
    """Return the IP address of a hop, without the port that some proxies add; None for what is no address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks that addresses and CIDR blocks name. Raise ValueError for one that is neither."""
    return tuple(ip_network(text, strict=False) for text in texts)


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Tell whether the address lies in one of the networks; what is no address lies in none."""
    if not networks:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    candidate = mapped or parsed
    return any(candidate in network for network in networks)
