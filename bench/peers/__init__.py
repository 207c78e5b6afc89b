"""Who is compared as a proxy. A further peer is a module with a `start` like the others', and one more entry of PROXIES.

`start` takes the site and the upstream's `host:port`, starts a process and returns at once; the upstream is `direct`.
"""

from __future__ import annotations

from collections.abc import Callable

from . import direct, naive, nginx, phasegate
from .peer import ANSWER, Cast, Peer, Site

__all__ = ["ANSWER", "PROXIES", "Cast", "Peer", "Site", "start_proxies"]

PROXIES: tuple[Callable[[Site, str], Peer], ...] = (nginx.start, naive.start, phasegate.start)


def start_proxies(site: Site) -> Cast:
    """Start the upstream, and the proxies in front of it."""
    upstream = direct.start(site)
    address = f"127.0.0.1:{upstream.ports['h1']}"
    return Cast((upstream, *(start(site, address) for start in PROXIES)), upstream)
