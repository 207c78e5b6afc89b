"""Who is compared. A further peer is a module with a `start` like the others', and one more entry of PEERS.

`start` takes the site and the upstream's `host:port`, starts a process and returns at once; the upstream is `direct`.
"""

from __future__ import annotations

from collections.abc import Callable

from . import naive, nginx, phasegate
from .peer import ANSWER, Peer, Site

__all__ = ["ANSWER", "PEERS", "Peer", "Site"]

PEERS: tuple[Callable[[Site, str], Peer], ...] = (nginx.start, naive.start, phasegate.start)
