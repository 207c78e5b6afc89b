"""Where a function is: its URL taken apart once, when the configuration is loaded."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import BadRequest
from ..http.path import canonical_path

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class FunctionTarget:
    """A function's URL in parts.

    `host` is what goes into the Host header: IDNA, IPv6 in brackets, the port only where it is not the scheme's own.
    `hostname` is the name without the port. `scheme` and `address` say where to connect, and `tls_name` whom TLS must
    find there when that is elsewhere. `path` is canonical and never empty; `query` has no question mark.
    """

    scheme: str
    address: str
    tls_name: str | None
    host: str
    hostname: str
    path: str
    query: str

    @classmethod
    def parse(cls, uri: str, *, endpoint: str | None = None, host: str | None = None) -> FunctionTarget:
        """Take a function's URL apart. `endpoint` says where to connect instead, `host` what to send as Host instead.

        Raise ValueError for a URL that can't be one.
        """
        parts = urlsplit(uri)
        hostname = _ascii_host(parts.hostname or "")
        own_host = _with_port(hostname, parts.scheme, parts.port)
        try:
            path = canonical_path(parts.path or "/")
        except BadRequest as error:
            raise ValueError(str(error)) from error
        if not parts.query.isascii():
            raise ValueError("its query has characters outside ASCII: write them as %XX")
        connect = urlsplit(endpoint) if endpoint else parts
        connect_host = _ascii_host(connect.hostname or "")
        return cls(
            scheme=connect.scheme,
            address=_with_port(connect_host, connect.scheme, connect.port),
            tls_name=hostname.strip("[]") if endpoint and connect_host != hostname else None,
            host=host or own_host,
            hostname=urlsplit(f"//{host}").hostname or hostname if host else hostname,
            path=path,
            query=parts.query,
        )

    @property
    def in_clear(self) -> bool:
        """Whether everybody on the way can read what is sent there: plain http that leaves this machine."""
        return self.scheme == "http" and not _is_loopback(self.address)

    def path_with(self, suffix: str | None) -> str:
        """Return the path with the part that a route's `*` stands for, exactly one slash between; None adds nothing."""
        return self.path if suffix is None else f"{self.path.rstrip('/')}/{suffix}"

    def query_with(self, query: str) -> str:
        """Return the function's own pairs followed by the client's, both as they are."""
        return "&".join(part for part in (self.query, query) if part)


def _ascii_host(hostname: str) -> str:
    if ":" in hostname:
        return f"[{hostname}]"
    try:
        return hostname if hostname.isascii() else hostname.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"host {hostname!r} is no valid international name") from error


def _with_port(host: str, scheme: str, port: int | None) -> str:
    return host if port is None or port == _DEFAULT_PORTS.get(scheme) else f"{host}:{port}"


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0] if not address.endswith("]") and ":" in address else address
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
