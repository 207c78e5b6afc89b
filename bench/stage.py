"""Everything that runs during a measurement: peers, what is behind them, and the means to load and measure them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .child import Children
from .cores import pinned
from .cpu import rest
from .generator import Generator
from .group import Run
from .meter import Meter
from .peers import Absent, Cast, Peer, Site
from .witness import Witness


@dataclass(frozen=True, slots=True)
class Stage:
    """Peers that run, the site that they run on, the generator that loads them, and the meter of their CPU time."""

    site: Site
    peers: tuple[Peer, ...]
    generator: Generator
    meter: Meter
    witness: Witness
    absent: tuple[Absent, ...]


@contextlib.contextmanager
def stage(run: Run, start: Callable[[Site], Cast]) -> Iterator[Stage]:
    """Start the peers, and stop them when the block ends, however it does. The block runs on the load's cores."""
    with tempfile.TemporaryDirectory(prefix="phasegate-bench-") as name:
        folder = Path(name)
        children = Children(folder)
        try:
            site = Site(folder, children, run.cores, run.tools)
            cast = start(site)
            for peer in cast.peers:
                peer.wait()
            rest([peer.child.process.pid for peer in cast.peers])
            with pinned(run.cores.load):
                yield _stage(run, site, cast)
        finally:
            children.stop()
            for complaint in children.complaints:
                run.complain(complaint)


def _stage(run: Run, site: Site, cast: Cast) -> Stage:
    return Stage(
        site=site,
        peers=cast.peers,
        generator=Generator(run.tools, site.folder),
        meter=Meter(run.cores, cast.upstream),
        witness=Witness(cast.authority, has_echo=cast.upstream is not None),
        absent=cast.absent,
    )
