"""Serving until told to stop, on our own listener or on stock Hypercorn."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from ..application import Application
from ..http.address import Network
from ..limits import Limits
from ..settings import TLS
from ..snapshot.certificates import Certificates
from .hypercorn import serve_on
from .hypercorn_config import configuration
from .listener import Listener
from .overseer import Overseer
from .roster import Roster

Protocol = Literal["native", "hypercorn"]


class Site(NamedTuple):
    """One listening socket, and what is served on it."""

    sock: socket.socket
    application: Application
    tls: TLS | None = None
    certificates: Callable[[], Certificates] | None = None
    """What further certificates there are at the moment, for connections over TLS."""
    is_admin: bool = False
    """Whether it is the admin side's own, whose connections are counted apart: it must answer when the gateway is full."""


async def serve(
    sites: Iterable[Site],
    *,
    stopping: asyncio.Event,
    protocol: Protocol = "native",
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    trusted_proxies: tuple[Network, ...] = (),
    graceful_timeout: float = 30.0,
) -> None:
    """Serve until `stopping` is set; then accept no more, and finish what is under way within `graceful_timeout` seconds."""
    rosters = Roster(limits, trusted_proxies), Roster(limits, trusted_proxies, "admin_connections")
    overseer = Overseer(limits, rosters)
    try:
        if protocol == "hypercorn":
            await _on_hypercorn(sites, stopping, graceful_timeout)
        else:
            await _on_our_own(sites, rosters, stopping, graceful_timeout)
    finally:
        await overseer.close()


async def _on_our_own(
    sites: Iterable[Site], rosters: tuple[Roster, Roster], stopping: asyncio.Event, graceful_timeout: float
) -> None:
    listeners = [
        (Listener(site.application, rosters[site.is_admin], _context(site.tls), site.certificates), site.sock)
        for site in sites
    ]
    for listener, sock in listeners:
        await listener.open(sock)
    await stopping.wait()
    for listener, _ in listeners:
        listener.close()
    await asyncio.gather(*(roster.drain(graceful_timeout) for roster in rosters))


async def _on_hypercorn(sites: Iterable[Site], stopping: asyncio.Event, graceful_timeout: float) -> None:
    async with asyncio.TaskGroup() as group:
        for site in sites:
            group.create_task(
                serve_on(
                    site.sock.detach(),
                    site.application,
                    tls=site.tls,
                    graceful_timeout=graceful_timeout,
                    stopping=stopping,
                )
            )


def _context(tls: TLS | None) -> ssl.SSLContext | None:
    """Return Hypercorn's server context: its ciphers, and ALPN for HTTP/2 and HTTP/1.1."""
    return None if tls is None else configuration(tls).create_ssl_context()
