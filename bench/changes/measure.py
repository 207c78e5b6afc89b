"""Measures how soon changes are served, by the node that was told and by another one of its store."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..peers import Site
from .etcd import start_etcd
from .eyes import eyes
from .line import Line
from .node import Node, start_node
from .watch import Sight, longest_in_peace_ms, seen
from .writes import path_of, small

WRITES = 200
_WARM_UP = 10
_PEACE_SECONDS = 0.1
SQLITE = "sqlite:phasegate.db"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Series:
    """What was seen of many changes, one after another, and the longest answer in peace before each, in milliseconds."""

    sights: list[Sight]
    peace_ms: list[float]

    @property
    def lags_ms(self) -> list[float]:
        """How much longer than in peace the longest answer took, for each change."""
        pairs = zip(self.sights, self.peace_ms, strict=True)
        return [max(0.0, sight.longest_ms - peace_ms) for sight, peace_ms in pairs]


def on_one_node(site: Site) -> Series:
    """Write to a node, and look when its workers serve it."""
    return series(start_node(site, "node", SQLITE), None, small, WRITES)


def in_a_cluster(site: Site) -> Series:
    """Write to one of two nodes on one etcd, and look when the other one's workers serve it."""
    store = f"etcd:{start_etcd(site)}/bench"
    told = start_node(site, "node-1", store)
    with eyes(told):
        # The first node makes the key ring, the second one finds it.
        watched = start_node(site, "node-2", store)
    return series(watched, told, small, WRITES)


def series(watched: Node, told: Node | None, write: Callable[[int], bytes], count: int) -> Series:
    """Watch a node while changes are written to it, or to another one of its store."""
    with eyes(watched) as workers, _admin(told or watched) as admin:
        taken = [
            (longest_in_peace_ms(workers, _PEACE_SECONDS), seen(workers, admin, write(number), path_of(number)))
            for number in itertools.islice(_numbers, count + _WARM_UP)
        ]
    return Series([sight for _, sight in taken[_WARM_UP:]], [peace_ms for peace_ms, _ in taken[_WARM_UP:]])


@contextlib.contextmanager
def _admin(node: Node) -> Iterator[Line]:
    with contextlib.closing(Line(node.admin_port)) as line:
        yield line
