"""The servers that say hello."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ..peers import Cast, Peer, Site
from ..peers.peer import free_port
from ..scenario import Protocol
from .answer import KEPT_SECONDS, TEXT

_SUMMARIES = {
    "phasegate": "our own listener, one process, uvloop, no access log",
    "hypercorn": "stock Hypercorn with a plain ASGI application, one process, uvloop, no access log",
    "uvicorn": "uvicorn on httptools with the same application, one process, uvloop, no access log; no HTTP/2",
}


def start_hello(site: Site, kept_seconds: int = KEPT_SECONDS) -> Cast:
    """Start them all, each keeping idle connections for so long."""
    return Cast(tuple(_start(site, name, kept_seconds) for name in _SUMMARIES))


def _start(site: Site, name: str, kept_seconds: int) -> Peer:
    port = free_port()
    arguments = [sys.executable, "-m", f"bench.hello.on_{name}", str(port), str(kept_seconds)]
    child = site.children.start(name, arguments, site.cores.server)
    ports: Mapping[Protocol, int] = {"h1": port} if name == "uvicorn" else {"h1": port, "h2c": port}
    return Peer(name=name, summary=_SUMMARIES[name], child=child, ports=ports, paths={"hello": "/"}, answer=TEXT)
