"""etcd as a child: one member, with its data in a folder of its own."""

from __future__ import annotations

import contextlib
import time
import urllib.request

from ..errors import ProcessFailed
from ..peers import Site
from ..peers.peer import free_port

_READY_SECONDS = 20.0
_LOOK_SECONDS = 0.02


def start_etcd(site: Site) -> str:
    """Start an etcd, wait until it serves, and return its URL. Raise ProcessFailed."""
    url, peer_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    arguments = [
        site.tools.etcd,
        "--name",
        "bench",
        "--data-dir",
        str(site.folder / "etcd-data"),
        "--log-level",
        "error",
    ]
    arguments += ["--listen-client-urls", url, "--advertise-client-urls", url]
    arguments += ["--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url]
    arguments += ["--initial-cluster", f"bench={peer_url}"]
    child = site.children.start("etcd", arguments, site.cores.all)
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_healthy(url):
        child.check_alive()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"etcd did not serve within {_READY_SECONDS:.0f} s\n{child.tail()}")
        time.sleep(_LOOK_SECONDS)
    return url


def _is_healthy(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
        return b'"true"' in answer.read()
    return False
