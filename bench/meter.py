"""Measures what a peer's processes cost between two readings, and how much others disturbed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .cores import Cores
from .cpu import TICKS_A_SECOND, busy_ticks, process_ticks, tree_ticks
from .errors import SliceFailed
from .peers import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Clock ticks used so far: by each process of a peer and of the upstream, by the benchmark itself, and by the cores."""

    peer: Mapping[int, int]
    upstream: Mapping[int, int]
    bench: int
    cores: int

    @property
    def processes(self) -> Mapping[int, int]:
        """Those of peer and upstream together, which may be the same."""
        return {**self.upstream, **self.peer}


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds that a peer's processes used, and those that went to processes outside the run, on the run's cores."""

    peer_seconds: float
    other_seconds: float


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads the counters of a peer, of the upstream, and of the benchmark with its load generator."""

    cores: Cores
    upstream: Peer | None = None

    def read(self, peer: Peer) -> Reading:
        """Return the counters as they are now."""
        return Reading(
            peer=tree_ticks(peer.child.process.pid),
            upstream=tree_ticks(self.upstream.child.process.pid) if self.upstream else {},
            # The load generator has ended and been waited for, so that its time is among that of our children.
            bench=process_ticks(os.getpid()),
            cores=busy_ticks(self.cores.all),
        )

    def cost(self, peer: Peer, before: Reading) -> Cost:
        """Return what was used since a reading. Raise SliceFailed when a process came or went meanwhile."""
        after = self.read(peer)
        for each, former, current in (
            (peer, before.peer, after.peer),
            (self.upstream, before.upstream, after.upstream),
        ):
            if each is not None and former.keys() != current.keys():
                pids = f"{sorted(former)} before the load and {sorted(current)} after it"
                raise SliceFailed(f"{each.name}'s processes were {pids}\n{each.child.tail()}")
        used = sum(after.peer.values()) - sum(before.peer.values())
        run = sum(after.processes.values()) - sum(before.processes.values()) + after.bench - before.bench
        others = after.cores - before.cores - run
        return Cost(used / TICKS_A_SECOND, max(0, others) / TICKS_A_SECOND)
