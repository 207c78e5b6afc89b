"""What a Python developer would write who knows FastAPI: see `bench/fastapi_proxy.py`."""

from __future__ import annotations

from .peer import Peer, Setup, Site, free_port, python


def start(site: Site, setup: Setup) -> Peer:
    """Start the proxy."""
    port = free_port()
    name = setup.named("fastapi")
    arguments = [*python(setup), "-m", "bench.fastapi_proxy", setup.upstream, str(port)]
    return Peer(
        name=name,
        summary="FastAPI and httpx on uvicorn with httptools, one process, uvloop, no access log; no HTTP/2",
        child=site.children.start(name, arguments, setup.cores or site.cores.server),
        ports={"h1": port},
        paths={"api-key": "/api-key"},
    )
