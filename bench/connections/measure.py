"""What connections cost a server: those that stay, and those that come and go."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..footprint import Footprint, settled
from ..peers import Peer
from ..stage import Stage
from .clients import come_and_go, crowd

IDLE = 10_000
SHORT = 50_000
AT_ONCE = 64
_WARM_UP = 1000
_SETTLE_SECONDS = 0.5
# Longer than the servers of short connections keep idle ones.
_RECOVERY_SECONDS = 7.0
_SPARE_DESCRIPTORS = 200


@dataclass(frozen=True, slots=True)
class Stay:
    """What a server held before, during and after `count` idle connections."""

    count: int
    before: Footprint
    during: Footprint
    after: Footprint

    @property
    def kib_each(self) -> float:
        """Resident memory of one connection."""
        return (self.during.rss_kib - self.before.rss_kib) / self.count


@dataclass(frozen=True, slots=True)
class Coming:
    """What a server held before and after `count` short connections, and its CPU time for each."""

    count: int
    before: Footprint
    after: Footprint
    cpu_us: float
    per_second: float


def idle_count(most_descriptors: int) -> int:
    """Return how many connections there can be, where a process may open so many files."""
    return min(IDLE, most_descriptors - _SPARE_DESCRIPTORS)


def stay(peer: Peer, count: int) -> Stay:
    """Open that many connections, and look what the server holds for them."""
    pid, port = peer.child.process.pid, peer.ports["h1"]
    come_and_go(port, _WARM_UP, AT_ONCE)
    before = settled(pid, port, _RECOVERY_SECONDS)
    with crowd(port, count, AT_ONCE):
        time.sleep(_SETTLE_SECONDS)
        during = Footprint.of(pid, port)
    return Stay(count, before, during, settled(pid, port, _RECOVERY_SECONDS))


def coming(peer: Peer, stage: Stage, count: int) -> Coming:
    """Let that many connections come and go, and look what is left of them."""
    pid, port = peer.child.process.pid, peer.ports["h1"]
    come_and_go(port, _WARM_UP, AT_ONCE)
    before, reading, began = settled(pid, port, _RECOVERY_SECONDS), stage.meter.read(peer), time.monotonic()
    come_and_go(port, count, AT_ONCE)
    took = time.monotonic() - began
    time.sleep(_SETTLE_SECONDS)
    cost = stage.meter.cost(peer, reading)
    after = settled(pid, port, _RECOVERY_SECONDS)
    return Coming(count, before, after, cost.peer_seconds * 1e6 / count, count / took)
