"""The upstream itself, without anything in front: nginx that answers every path with the same small body."""

from __future__ import annotations

from ..scenario import Protocol
from .nginx_server import start_nginx
from .peer import ANSWER, Peer, Site, free_port


def start(site: Site) -> Peer:
    """Start the upstream."""
    ports: dict[Protocol, int] = {"h1": free_port(), "h2c": free_port()}
    escaped = ANSWER.replace("\n", r"\n")
    location = f"default_type application/json; return 200 '{escaped}';"
    child = start_nginx(site, "direct", site.cores.upstream, ports=ports, location=location)
    return Peer(
        name="direct",
        summary="the upstream alone, the floor: nginx, one worker, no access log",
        child=child,
        ports=ports,
        paths={"forward": "/"},
        compared=False,
    )
