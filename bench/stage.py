"""Everything that runs during a measurement: peers, what is behind them, and the means to load and measure them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .child import Children
from .cores import pinned
from .generator import Generator
from .group import Run
from .meter import Meter
from .peers import Cast, Peer, Site


@dataclass(frozen=True, slots=True)
class Stage:
    """Peers that run, the site that they run on, the generator that loads them, and the meter of their CPU time."""

    site: Site
    peers: tuple[Peer, ...]
    generator: Generator
    meter: Meter


@contextlib.contextmanager
def stage(run: Run, start: Callable[[Site], Cast]) -> Iterator[Stage]:
    """Start the peers, and stop them when the block ends, however it does. The block runs on the load's cores."""
    with tempfile.TemporaryDirectory(prefix="phasegate-bench-") as name:
        folder = Path(name)
        children = Children(folder)
        try:
            site = Site(folder, children, run.cores, run.tools)
            peers, upstream = start(site)
            for peer in peers:
                peer.wait()
            with pinned(run.cores.load):
                yield Stage(site, peers, Generator(run.tools, folder), Meter(run.cores, upstream))
        finally:
            children.stop()
            for complaint in children.complaints:
                run.complain(complaint)
