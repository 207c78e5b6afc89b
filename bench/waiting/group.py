"""The group that measures what waiting requests cost."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..group import Run, Section
from ..peers import PROXIES, Absent, Cast, Setup, Site, start_those
from ..peers.peer import Peer, free_port
from ..progress import progress
from ..stage import stage
from .measure import SLOW_MS, WAITING, Wait, wait
from .report import markdown, text

_ROUNDS = 3
_PEERS = ("lua", "naive", "phasegate")


@dataclass(frozen=True, slots=True)
class Part:
    """One peer."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Each peer with thousands of requests in flight; every round has processes of its own, for memory stays with them."""

    name: str = "waiting"
    summary: str = f"{WAITING:,} requests in flight to an upstream that takes {SLOW_MS} ms: the memory of each"
    needs: frozenset[str] = frozenset({"nginx", "wrk", "httpx", "botocore", "trustme"})
    parts: Sequence[Part] = tuple(Part(f"waiting-{kind}", kind) for kind in _PEERS)

    def run(self, run: Run) -> Section:
        """Measure, in three rounds at most. Raise SliceFailed when a request failed."""
        kinds = [part.kind for part in run.chosen(self.parts)]
        waits: dict[str, list[Wait]] = {}
        absent: dict[str, Absent] = {}
        rounds = min(run.rounds, _ROUNDS)
        turns = [Part(f"waiting-{kind}", kind) for _ in range(rounds) for kind in kinds]
        for part in progress(turns, self.name):
            port = free_port()
            with stage(run, functools.partial(_start, kind=part.kind, port=port)) as running:
                absent |= {each.name: each for each in running.absent}
                for peer in running.peers:
                    waits.setdefault(peer.name, []).append(wait(peer, running, port, run.seconds))
        return Section(
            text=text(waits, list(absent.values()), rounds),
            document=_document(waits),
            blocks={self.name: markdown(waits, list(absent.values()), rounds)},
        )


def _start(site: Site, *, kind: str, port: int) -> Cast:
    """Start the slow upstream, and one peer in front of it."""
    arguments = [sys.executable, "-m", "bench.waiting.slow", str(port), str(SLOW_MS)]
    child = site.children.start("slow", arguments, site.cores.upstream)
    upstream = Peer(name="slow", summary="", child=child, ports={"h1": port}, paths={})
    upstream.wait()
    setup = Setup(upstream=f"http://127.0.0.1:{port}")
    started = start_those(site, upstream, [(proxy, setup) for proxy in PROXIES if proxy.name == kind])
    return started._replace(peers=started.peers[1:])


def _document(waits: Mapping[str, Sequence[Wait]]) -> dict[str, object]:
    return {name: [dataclasses.asdict(each) for each in taken] for name, taken in waits.items()}
