"""nginx `proxy_pass`: what a forward costs at least."""

from __future__ import annotations

from ..scenario import Protocol
from .nginx_server import start_nginx
from .peer import Peer, Site, free_port

_LOCATION = """
            proxy_pass http://function;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        """


def start(site: Site, upstream: str) -> Peer:
    """Start the proxy."""
    ports: dict[Protocol, int] = {"h1": free_port(), "h2c": free_port()}
    pool = f"upstream function {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}"
    child = start_nginx(
        site,
        "nginx",
        site.cores.server,
        ports=ports,
        location=_LOCATION,
        http=pool,
        access_log="access.log combined buffer=16k flush=50ms",
    )
    return Peer(
        name="nginx",
        summary="nginx proxy_pass, one worker, 64 kept upstream connections, access log to a file every 50 ms",
        child=child,
        ports=ports,
        paths={"forward": "/"},
        access_log=site.folder / "nginx" / "access.log",
    )
