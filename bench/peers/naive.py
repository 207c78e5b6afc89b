"""What a Python developer would write first: see `bench/naive_proxy.py`."""

from __future__ import annotations

import sys

from .peer import Peer, Site, free_port


def start(site: Site, upstream: str) -> Peer:
    """Start the proxy."""
    port = free_port()
    child = site.children.start(
        "naive", [sys.executable, "-m", "bench.naive_proxy", str(port), f"http://{upstream}"], site.cores.server
    )
    return Peer(
        name="naive",
        summary="Hypercorn and aiohttp's ClientSession in some 50 lines, one process, uvloop, no access log",
        child=child,
        ports={"h1": port, "h2c": port},
        paths={"forward": "/"},
    )
