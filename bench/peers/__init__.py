"""Who is compared as a proxy. A further peer is a module with a `start` like the others', and one more entry of PROXIES.

`start` takes the site and a setup, starts a process and returns at once; the upstream is `direct`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..certificates import Certificates
from ..tools import missing, remedy
from . import direct, fastapi, lua, naive, nginx, phasegate
from .peer import ANSWER, Absent, Cast, Peer, Setup, Site

__all__ = ["ANSWER", "PROXIES", "Absent", "Cast", "Peer", "Proxy", "Setup", "Site", "start_proxies", "start_those"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A kind of proxy, how it starts, and the programs and packages that it alone needs."""

    name: str
    start: Callable[[Site, Setup], Peer]
    needs: frozenset[str] = frozenset()


PROXIES = (
    Proxy("nginx", nginx.start),
    Proxy("lua", lua.start, frozenset({"nginx_lua"})),
    Proxy("naive", naive.start, frozenset({"botocore"})),
    Proxy("fastapi", fastapi.start, frozenset({"fastapi", "httpx", "uvicorn"})),
    Proxy("phasegate", phasegate.start),
)


def start_proxies(site: Site, names: Sequence[str] = (), *, tls_in: bool = False, tls_out: bool = False) -> Cast:
    """Start the upstream, and the proxies of these names in front of it, all of them where none is named."""
    certificates = Certificates.make(site.folder) if tls_in or tls_out else None
    upstream = direct.start(site, certificates)
    base = f"https://127.0.0.1:{upstream.ports['h1s']}" if tls_out else f"http://127.0.0.1:{upstream.ports['h1']}"
    setup = Setup(upstream=base, certificates=certificates)
    return start_those(site, upstream, [(proxy, setup) for proxy in PROXIES if not names or proxy.name in names])


def start_those(site: Site, upstream: Peer, wanted: Sequence[tuple[Proxy, Setup]]) -> Cast:
    """Start proxies in front of an upstream that runs; who can't be started is absent."""
    able = [(proxy, setup) for proxy, setup in wanted if not missing(proxy.needs, site.tools)]
    absent = [
        Absent(setup.named(proxy.name), remedy(missing(proxy.needs, site.tools)))
        for proxy, setup in wanted
        if (proxy, setup) not in able
    ]
    authorities = [setup.certificates.authority for _, setup in wanted if setup.certificates]
    return Cast(
        (upstream, *(proxy.start(site, setup) for proxy, setup in able)),
        upstream,
        tuple(absent),
        authorities[0] if authorities else None,
    )
