"""Everything that runs during a benchmark: upstream, peers, and the means to load and measure them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .child import Children
from .cores import Cores, pinned
from .generator import Generator
from .meter import Meter
from .peers import PEERS, Peer, Site, direct
from .tools import Tools


@dataclass(frozen=True, slots=True)
class Stage:
    """Peers that run, the generator that loads them, and the meter that reads their CPU time."""

    peers: tuple[Peer, ...]
    generator: Generator
    meter: Meter


@contextlib.contextmanager
def stage(tools: Tools, cores: Cores, complain: Callable[[str], None]) -> Iterator[Stage]:
    """Start upstream and peers, and stop them when the block ends, however it does; `complain` hears who did so badly."""
    with tempfile.TemporaryDirectory(prefix="phasegate-bench-") as name:
        folder = Path(name)
        children = Children(folder)
        try:
            site = Site(folder, children, cores, tools)
            upstream = direct.start(site)
            peers = (upstream, *(start(site, f"127.0.0.1:{upstream.ports['h1']}") for start in PEERS))
            for peer in peers:
                peer.wait()
            with pinned(cores.load):
                yield Stage(peers, Generator(tools, folder), Meter(cores, upstream))
        finally:
            children.stop()
            for complaint in children.complaints:
                complain(complaint)
