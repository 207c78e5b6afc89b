"""What a Python developer would write first: see `bench/naive_proxy.py`."""

from __future__ import annotations

from .peer import Peer, Setup, Site, ports_of, python


def start(site: Site, setup: Setup) -> Peer:
    """Start the proxy."""
    ports = ports_of(setup)
    ports["h2c"] = ports["h1"]
    listen = [str(ports["h1"])]
    if setup.certificates is not None:
        listen += [str(ports["h1s"]), str(setup.certificates.chain), str(setup.certificates.key)]
    name = setup.named("naive")
    child = site.children.start(
        name, [*python(setup), "-m", "bench.naive_proxy", setup.upstream, *listen], setup.cores or site.cores.server
    )
    return Peer(
        name=name,
        summary="Hypercorn, aiohttp's ClientSession and botocore's signer, one process, uvloop, no access log",
        child=child,
        ports=ports,
        paths={"api-key": "/api-key", "sigv4": "/sigv4"},
    )
