"""10,000 routes: how long a node takes to serve them after its start, and one changed route among them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SliceFailed
from ..footprint import rss_kib
from ..peers import Site
from .eyes import eyes
from .line import Line, request
from .measure import SQLITE, Series, series
from .node import Node, start_node, write_routes
from .writes import CHANGED, ROUTES, among_many, everything, path_of, route, routes

WRITES = 50
STARTS = 3
_LAST = request("GET", f"/r/{ROUTES - 1}/x")
_ASKS_FOR_A_KEY, _NO_ROUTE = 401, 404
_WRITTEN = 200


@dataclass(frozen=True, slots=True)
class Start:
    """How long a node took until every worker served, in seconds, and what its processes hold then, in KiB."""

    seconds: float
    supervisor_kib: int
    worker_kib: int


@dataclass(frozen=True, slots=True)
class Bulk:
    """What was seen of 10,000 routes: written at once, read by new nodes out of the store or the file, one of them changed."""

    written_seconds: float
    from_store: Sequence[Start]
    changes: Series
    from_file: Sequence[Start]
    saved_seconds: float


def bulk(site: Site) -> Bulk:
    """Measure, on a node with a store and on one with a file."""
    written = _write_everything(site)
    from_store = [_start(site, "stored") for _ in range(STARTS)]
    node = start_node(site, "stored", SQLITE)
    changes = series(node, None, among_many, WRITES)
    node.stop()
    document = {"routes": routes()}
    from_file = [_start(site, "filed", document)] + [_start(site, "filed") for _ in range(STARTS - 1)]
    return Bulk(written, from_store, changes, from_file, _save_one(site, document))


def _write_everything(site: Site) -> float:
    """Write all routes through the Admin API as one revision; return how many seconds that took."""
    node, body = start_node(site, "stored", SQLITE), everything()
    with eyes(node) as workers, contextlib.closing(Line(node.admin_port)) as admin:
        began = time.monotonic()
        status, answer = admin.ask(body)
        took = time.monotonic() - began
        if status != _WRITTEN:
            raise SliceFailed(f"{ROUTES} routes were answered {status}: {answer[:500]!r}")
        _require_served(workers)
    node.stop()
    return took


def _start(site: Site, name: str, document: Mapping[str, Any] | None = None) -> Start:
    """Start a node and stop it; see how long it took until every worker served."""
    node = start_node(site, name, SQLITE, document=document)
    with eyes(node) as workers:
        took = time.monotonic() - node.began
        _require_served(workers)
        held = [rss_kib(worker) for worker in workers]
    supervisor = rss_kib(node.child.process.pid)
    node.stop()
    return Start(took, supervisor, max(held))


def _save_one(site: Site, document: Mapping[str, list[dict[str, Any]]]) -> float:
    """Save the file with one route changed; return after how many seconds all workers served it."""
    node = start_node(site, "filed", SQLITE)
    with eyes(node) as workers:
        changed = {**route(ROUTES // 2), "uri": path_of(0)}
        items = [changed if each["id"] == CHANGED else each for each in document["routes"]]
        write_routes(node.routes, {"routes": items})
        took = _until_served(node, workers)
    node.stop()
    return took


def _until_served(node: Node, workers: Mapping[int, Line]) -> float:
    began, patience = time.monotonic(), node.patience()
    while any(line.ask(request("GET", path_of(0)))[0] == _NO_ROUTE for line in workers.values()):
        patience.wait()
    return time.monotonic() - began


def _require_served(workers: Mapping[int, Line]) -> None:
    for line in workers.values():
        status, answer = line.ask(_LAST)
        if status != _ASKS_FOR_A_KEY:
            raise SliceFailed(f"the last of {ROUTES} routes was answered {status}: {answer[:200]!r}")
