"""The way to an origin tried step by step: its name, its port, TLS, its clock."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

from ..diagnosis import Diagnosis, in_thread
from .call import Origin
from .clock import compared
from .connector import PORTS
from .probe_tls import certificate_of, refused, shown
from .tls import client_context

_Address = tuple[Any, ...]
_MOST_ADDRESSES = 16


class Probe:
    """Looks at one origin. Each step may take `seconds`; `now` tells the time since 1970 in seconds."""

    def __init__(self, origin: Origin, seconds: float, now: Callable[[], float]) -> None:
        self._origin = origin
        self._seconds = seconds
        self._now = now
        parts = urlsplit(f"//{origin.address}")
        self._host, self._port = parts.hostname or "", parts.port or PORTS[origin.scheme]
        self._name = (origin.connection.tls_name or self._host).rstrip(".")

    async def look(self) -> AsyncIterator[Diagnosis]:
        """Yield how each step goes; behind one that fails there is none."""
        addresses: list[_Address] = [(self._host,)]
        if not _is_literal(self._host):
            named, addresses = await self._resolve()
            yield named
            if not addresses:
                return
        connected, address = await self._connect(addresses)
        yield connected
        if address is None:
            return
        if self._origin.scheme == "https":
            secured = await self._secure(address)
            yield secured
            if secured.level == "error":
                return
        yield await self._compare(address)

    async def _resolve(self) -> tuple[Diagnosis, list[_Address]]:
        try:
            async with asyncio.timeout(self._seconds):
                found = await in_thread(self._ask)
        except TimeoutError:
            message, remedy = (
                f"no answer for {self._host} within {self._seconds:g} s",
                "look at this machine's resolver",
            )
            return Diagnosis("dns", message, "error", f"{remedy} (/etc/resolv.conf)"), []
        except (OSError, UnicodeError) as error:
            return _unresolved(self._host, error), []
        addresses = list(dict.fromkeys(entry[4] for entry in found))[:_MOST_ADDRESSES]
        return Diagnosis("dns", ", ".join(str(address[0]) for address in addresses)), addresses

    def _ask(self) -> list[Any]:
        return socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)

    async def _connect(self, addresses: list[_Address]) -> tuple[Diagnosis, _Address | None]:
        """Try every address; return one that takes connections."""
        outcomes = await asyncio.gather(*map(self._reach, addresses))
        good = [address for address, why in zip(addresses, outcomes, strict=True) if why is None]
        bad = [f"{address[0]} {why}" for address, why in zip(addresses, outcomes, strict=True) if why is not None]
        port = f"port {self._port}"
        if not good:
            return Diagnosis("tcp", f"{port}: {'; '.join(bad)}", "error", _way_to(outcomes)), None
        if bad:
            message = f"{port}: {len(good)} of {len(addresses)} addresses take connections; {'; '.join(bad)}"
            return Diagnosis("tcp", message, "warning", "requests wait for those in vain: " + _way_to(outcomes)), good[
                0
            ]
        return Diagnosis("tcp", f"{port} takes connections"), good[0]

    async def _reach(self, address: _Address) -> str | None:
        """Return why there is no connection to an address; None where there is."""
        try:
            async with asyncio.timeout(self._seconds):
                _, writer = await asyncio.open_connection(address[0], self._port)
        except TimeoutError:
            return f"does not answer within {self._seconds:g} s"
        except OSError as error:
            return "refuses" if isinstance(error, ConnectionRefusedError) else f"can't be reached ({_reason(error)})"
        writer.transport.abort()
        return None

    async def _secure(self, address: _Address) -> Diagnosis:
        tls = self._origin.connection.tls
        try:
            context = client_context(tls)
        except (OSError, ValueError) as error:
            remedy = "mend the authorities or the certificate in the upstream's tls"
            return Diagnosis("tls", f"can't begin: {_reason(error)}", "error", remedy)
        try:
            async with asyncio.timeout(self._seconds):
                _, writer = await self._open(address, context)
        except TimeoutError:
            message = f"no handshake within {self._seconds:g} s"
            return Diagnosis("tls", message, "error", f"look whether port {self._port} speaks TLS")
        except OSError as error:
            return refused(error, await self._presented(address, error), self._name)
        transport = writer.transport
        secured = transport.get_extra_info("ssl_object")
        transport.abort()
        return shown(secured, verified=tls.verify, now=self._now())

    async def _presented(self, address: _Address, error: Exception) -> bytes | None:
        """Return the certificate that is not trusted, as DER."""
        if not isinstance(error, ssl.SSLCertVerificationError):
            return None
        try:
            async with asyncio.timeout(self._seconds):
                _, writer = await self._open(address, unverified())
        except (OSError, TimeoutError):
            return None
        writer.transport.abort()
        return certificate_of(writer.transport.get_extra_info("ssl_object"))

    async def _compare(self, address: _Address) -> Diagnosis:
        context = client_context(self._origin.connection.tls) if self._origin.scheme == "https" else None
        try:
            async with asyncio.timeout(self._seconds):
                streams = await self._open(address, context)
                return await compared(*streams, without_user(self._origin.address), self._now)
        except ssl.SSLError as error:
            # With TLS 1.3 a server says only now that it wants a certificate.
            return refused(error, None, self._name)
        except (OSError, EOFError, TimeoutError):
            return Diagnosis("clock", "can't be compared: no answer to OPTIONS *", "note")

    async def _open(
        self, address: _Address, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = self._name if context is not None else None
        return await asyncio.open_connection(address[0], self._port, ssl=context, server_hostname=name)


def without_user(address: str) -> str:
    """Return an address without the name and password that may stand in a URL."""
    return address.rpartition("@")[2]


def unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate, to look at it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unresolved(host: str, error: Exception) -> Diagnosis:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Diagnosis(
            "dns", f"the resolver can't tell about {host} now", "error", "look at /etc/resolv.conf and the network"
        )
    remedy = "mend the name in the configuration, or the zone or resolver that should know it"
    return Diagnosis("dns", f"{host} is unknown ({_reason(error)})", "error", remedy)


def _way_to(reasons: list[str | None]) -> str:
    if all(reason in (None, "refuses") for reason in reasons):
        return "start what should listen there, or mend the port"
    return "open the way there: firewall, security group, route, VPC endpoint, proxy"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
