"""Measures what a server holds while thousands of its requests wait, and what they cost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..cpu import descendants
from ..footprint import clients, peak_kib, reset_peak, rss_kib
from ..load import Load
from ..peers import Peer
from ..scenario import Scenario
from ..slice import Lane, Sample, judged_load, sample
from ..stage import Stage
from ..warmup import warm_up

WAITING = 2_000
SLOW_MS = 1_500
"""How long the upstream takes for each answer: long enough for every peer to get all requests there."""
SCENARIO = Scenario(name="waiting-2000", protocol="h1", modes=("api-key",), connections=WAITING)
_WARM_UP = Scenario(name="warm-up", protocol="h1", connections=64)
# Several answers on each connection, so that their beginning does not count for much.
_LEAST_SECONDS = 9
_WARM_UP_TURNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What one peer took: `in_flight` are requests at the upstream halfway, `kib_each` what memory grew at most for each."""

    sample: Sample
    in_flight: int
    kib_each: float


def wait(peer: Peer, stage: Stage, upstream_port: int, seconds: int) -> Wait:
    """Load a peer with WAITING connections. Raise SliceFailed when any request failed."""
    warm_up(peer, "api-key", _WARM_UP, turns=_WARM_UP_TURNS)
    pids = [peer.child.process.pid, *descendants(peer.child.process.pid)]
    before = sum(map(rss_kib, pids))
    for pid in pids:
        reset_peak(pid)
    reading, seconds = stage.meter.read(peer), max(seconds, _LEAST_SECONDS)
    load, in_flight = _loaded(peer, stage, upstream_port, seconds)
    cost = stage.meter.cost(peer, reading)
    judged_load(Lane(SCENARIO, peer, "api-key"), load)
    grown = sum(map(peak_kib, pids)) - before
    return Wait(sample=sample(cost, load, seconds), in_flight=in_flight, kib_each=grown / WAITING)


def _loaded(peer: Peer, stage: Stage, upstream_port: int, seconds: int) -> tuple[Load, int]:
    """Return what the load generator measured, and how many connections the upstream had halfway."""
    url = peer.url("h1", "api-key")
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(stage.generator.run, SCENARIO, url, seconds)
        time.sleep(seconds / 2)
        in_flight = clients(Path("/proc/net/tcp").read_text(), upstream_port)
        return loading.result(), in_flight
