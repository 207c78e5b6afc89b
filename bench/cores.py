"""Which processor cores the peers, the upstream and the load generator run on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of each part of a run; all three are the same where there is one core only."""

    server: frozenset[int]
    load: frozenset[int]
    upstream: frozenset[int]

    @classmethod
    def choose(cls) -> Cores:
        """Return one core for the peers, and others, as far as there are any, for load and upstream."""
        available = sorted(os.sched_getaffinity(0))
        server, load, upstream = (available[min(index, len(available) - 1)] for index in range(3))
        return cls(frozenset({server}), frozenset({load}), frozenset({upstream}))

    @property
    def all(self) -> frozenset[int]:
        """Every core that the run uses."""
        return self.server | self.load | self.upstream

    @property
    def summary(self) -> str:
        """What runs where, in words."""
        (server,), (load,), (upstream,) = self.server, self.load, self.upstream
        if server == load:
            return "nothing is pinned: there is one core only, so load, upstream and peers compete"
        if load == upstream:
            return f"peers on core {server}, load generator and upstream on core {load}"
        return f"peers on core {server}, load generator on core {load}, upstream on core {upstream}"


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Run the block on these cores; a process that is started in it stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
