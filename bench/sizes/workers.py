"""Peers with one and with two workers, which have all cores, beside the load and the upstream."""

from __future__ import annotations

from ..peers import PROXIES, Cast, Setup, Site, direct, start_those

KINDS = ("nginx", "lua", "phasegate")
COUNTS = (1, 2)


def start_workers(site: Site) -> Cast:
    """Start each of them in either way."""
    upstream = direct.start(site)
    base = f"http://127.0.0.1:{upstream.ports['h1']}"
    wanted = [
        (proxy, Setup(upstream=base, workers=count, suffix=f"-{count}", cores=site.cores.all))
        for proxy in PROXIES
        if proxy.name in KINDS
        for count in COUNTS
    ]
    return start_those(site, upstream, wanted)
