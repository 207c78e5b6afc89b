"""One measurement: a scenario, a peer and a mode, for some seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import SliceFailed
from .load import Load
from .meter import Cost
from .peers import Peer
from .scenario import Mode, Scenario
from .stage import Stage
from .warmup import warm_up

# Lets a peer finish what the generator left in flight, so that the work of a warm-up does not count as a slice's and
# that of a slice counts whole.
_SETTLE_SECONDS = 0.1
_LOGGED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Lane:
    """What is measured again in every round."""

    scenario: Scenario
    peer: Peer
    mode: Mode

    @property
    def name(self) -> str:
        """Scenario, peer and mode."""
        return f"{self.scenario.name} {self.peer.name} {self.mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one slice measured.

    `cpu_us` is CPU microseconds a request of the peer's process tree, `busy` the share of a core that it used, `others` the
    share of a core that went to processes outside the run.
    """

    cpu_us: float
    busy: float
    others: float
    per_second: float
    p50_ms: float
    p99_ms: float


def lanes(scenarios: Sequence[Scenario], peers: Sequence[Peer]) -> list[Lane]:
    """Return what a round measures, in order: each scenario with each peer that speaks its protocol, in each mode
    that both know."""
    return [
        Lane(scenario, peer, mode)
        for scenario in scenarios
        for peer in peers
        for mode in scenario.modes
        if scenario.asks(peer.name) and mode in peer.paths and scenario.protocol in peer.ports
    ]


def measure(lane: Lane, stage: Stage, seconds: int) -> Sample:
    """Warm up, load for `seconds`, and return what that cost. Raise SliceFailed when any request failed."""
    peer = lane.peer
    warm_up(peer, lane.mode, lane.scenario)
    stage.witness.examine(peer, lane.mode, lane.scenario)
    time.sleep(_SETTLE_SECONDS)
    before = stage.meter.read(peer)
    url = peer.url(lane.scenario.protocol, lane.mode)
    load = stage.generator.run(lane.scenario, url, seconds, peer.script)
    time.sleep(_SETTLE_SECONDS)
    peer.child.check_alive()
    cost = stage.meter.cost(peer, before)
    judged_load(lane, load)
    return sample(cost, load, seconds)


def judged_load(lane: Lane, load: Load) -> None:
    """Raise SliceFailed where any request failed, or was not logged by a peer that logs."""
    _require_flawless(lane, load)
    _require_logged(lane, load)


def sample(cost: Cost, load: Load, seconds: int) -> Sample:
    """Return what a load of so many seconds says together with its cost."""
    return Sample(
        cpu_us=cost.peer_seconds * 1e6 / load.requests,
        busy=cost.peer_seconds / seconds,
        others=cost.other_seconds / seconds,
        per_second=load.per_second,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
    )


def _require_flawless(lane: Lane, load: Load) -> None:
    problems = load.problems if load.requests else (*load.problems, "no request was completed")
    if problems:
        detail = "; ".join(problems)
        raise SliceFailed(f"{lane.name}: {detail} (beside {load.requests} good requests)\n{lane.peer.child.tail()}")


def _require_logged(lane: Lane, load: Load) -> None:
    """Raise SliceFailed unless the access log got a line a request; then empty it."""
    log = lane.peer.access_log
    if log is None:
        return
    deadline = time.monotonic() + _LOGGED_SECONDS
    while (lines := _lines(log)) < load.requests:
        if time.monotonic() > deadline:
            raise SliceFailed(f"{lane.name}: {load.requests} requests left {lines} lines in the access log")
        time.sleep(_SETTLE_SECONDS)
    os.truncate(log, 0)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
