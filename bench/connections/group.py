"""The group that measures what connections cost our listener, stock Hypercorn and uvicorn."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

from ..descriptors import raise_limit
from ..group import Run, Section
from ..hello.answer import KEPT_SECONDS
from ..hello.peers import start_hello
from ..progress import progress
from ..stage import stage
from ..tables import in_markdown
from .measure import AT_ONCE, IDLE, SHORT, Coming, Stay, coming, idle_count, stay
from .report import tables, text


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of connections."""

    name: str
    summary: str


# Idle connections must outlast the measurement.
_LONG_SECONDS = 600
_IDLE = Part("idle-connections", "connections that stay, with one request behind each")
_SHORT = Part("short-connections", f"connections with one request each, {AT_ONCE} at a time")


@dataclass(frozen=True, slots=True)
class Connections:
    """Idle connections, then short ones, on a server of its own each."""

    name: str = "connections"
    summary: str = f"what {IDLE:,} idle and {SHORT:,} short connections cost our listener, stock Hypercorn and uvicorn"
    needs: frozenset[str] = frozenset({"uvicorn"})
    parts: Sequence[Part] = (_IDLE, _SHORT)

    def run(self, run: Run) -> Section:
        """Measure, once. Raise SliceFailed when a request failed."""
        count = idle_count(raise_limit())
        if count < IDLE:
            run.complain(f"only {count} idle connections: a process may open no more files here (`ulimit -Hn`)")
        stays: dict[str, Stay] = {}
        comings: dict[str, Coming] = {}
        for part in run.chosen(self.parts):
            kept_seconds = _LONG_SECONDS if part is _IDLE else KEPT_SECONDS
            with stage(run, functools.partial(start_hello, kept_seconds=kept_seconds)) as running:
                for peer in progress(running.peers, self.name):
                    if part is _IDLE:
                        stays[peer.name] = stay(peer, count)
                    else:
                        comings[peer.name] = coming(peer, running, SHORT)
        idle = {name: dataclasses.asdict(each) for name, each in stays.items()}
        short = {name: dataclasses.asdict(each) for name, each in comings.items()}
        document = {"idle": idle, "short": short}
        return Section(text(stays, comings), document, in_markdown(tables(stays, comings)))
