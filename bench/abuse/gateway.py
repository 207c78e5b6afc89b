"""The gateway under attack: one worker, an upstream with large answers, and shorter times than usual."""

from __future__ import annotations

from ..peers import Cast, Setup, Site, direct, phasegate
from ..peers.nginx_server import start_nginx
from ..peers.peer import free_port
from .attacks import LARGE

LARGE_BYTES = 8 << 20
LIMITS = {"head_timeout": 1, "body_timeout": 1, "write_timeout": 1, "idle_timeout": 2}
"""Times in seconds, short enough to run out during an attack. Every other limit has its default."""
# Else the upstream spends its time with filling its kernel's buffers, megabytes for each answer that nobody takes.
_SMALL_BUFFER = "sndbuf=64k"


def start_gateway(site: Site) -> Cast:
    """Start the upstream, the one with large answers, and the gateway."""
    upstream = direct.start(site)
    route = {"id": "large", "uri": LARGE, "upstream": {"nodes": {_start_large(site): 1}}}
    setup = Setup(upstream=f"http://127.0.0.1:{upstream.ports['h1']}")
    contents = phasegate.Contents(resources={"routes": [route]})
    gateway = phasegate.start(site, setup, limits=LIMITS, contents=contents)
    return Cast((gateway,), upstream)


def _start_large(site: Site) -> str:
    """Start the upstream with large answers, which is the attackers' alone, and return its address."""
    folder = site.folder / "files"
    folder.mkdir()
    with (folder / LARGE.removeprefix("/")).open("wb") as file:
        file.truncate(LARGE_BYTES)
    port = free_port()
    start_nginx(
        site,
        "large",
        site.cores.upstream,
        ports={"h1": port, "h2c": free_port()},
        locations={"/": f"root {folder};"},
        options=_SMALL_BUFFER,
        idle=True,
    )
    return f"127.0.0.1:{port}"
