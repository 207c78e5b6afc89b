"""What was seen of changes, as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..goal import Goal
from ..tables import NOTHING, Table
from .bulk import Bulk, Start
from .measure import Series
from .node import WORKERS
from .watch import PAUSE_SECONDS, Sight
from .writes import ROUTES

_MIB = 1024
_ABOUT = (
    f"nodes of {WORKERS} workers, none of them pinned; one change after another, and each worker is asked for a path\n"
    f"{PAUSE_SECONDS * 1e3:g} ms after its last answer, over a kept connection"
)
_COLD_SECONDS = Goal(3)
_LAG_MS = Goal(10)
GOALS_MS = {"distribution-node": Goal(100), "distribution-cluster": Goal(500), "routes-10000": Goal(100)}
"""For the 99th percentile of the time from a request until all workers answer by it."""


def text(serieses: Mapping[str, Series], bulk: Bulk | None) -> str:
    """Return a table of each kind that was measured."""
    about = [_ABOUT] if serieses else []
    return "\n\n".join([*about, *(each.text() for each in tables(serieses, bulk).values())])


def tables(serieses: Mapping[str, Series], bulk: Bulk | None) -> dict[str, Table]:
    """Return the tables by their names in the documentation."""
    found = {"changes-times": _times(serieses), "changes-lags": _lags(serieses)} if serieses else {}
    return {**found, "changes-starts": _starts(bulk)} if bulk else found


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value of the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def _times(serieses: Mapping[str, Series]) -> Table:
    columns: Sequence[tuple[str, Callable[[Sight], float]]] = (
        ("answered", lambda sight: sight.acknowledged_ms),
        ("served", lambda sight: sight.served_ms),
        ("later", lambda sight: sight.behind_ms),
    )
    head = ["part", "changes", *(head for name, _ in columns for head in (f"{name} p50", "p99")), "goal"]
    rows = [
        [
            name,
            str(len(series.sights)),
            *(figure for _, of in columns for figure in _middle_and_end([of(sight) for sight in series.sights])),
            GOALS_MS[name].judge(percentile((sight.served_ms for sight in series.sights), 0.99)),
        ]
        for name, series in serieses.items()
    ]
    return Table("Milliseconds from an Admin PUT until it is answered, and until every worker serves it", head, rows)


def _lags(serieses: Mapping[str, Series]) -> Table:
    head = [
        "part",
        "in peace p50",
        "p99",
        "changing p50",
        "p99",
        "beyond p50",
        "p99",
        "goal",
        "without a core p50",
        "p99",
    ]
    rows = [
        [
            name,
            *_middle_and_end(series.peace_ms),
            *_middle_and_end([sight.longest_ms for sight in series.sights]),
            *_middle_and_end(series.lags_ms),
            _LAG_MS.judge(percentile(series.lags_ms, 0.99)),
            *_middle_and_end([sight.waited_ms for sight in series.sights]),
        ]
        for name, series in serieses.items()
    ]
    title = (
        "Milliseconds that a worker takes for its slowest answer, asked each millisecond, before and during a change"
    )
    return Table(title, head, rows)


def _middle_and_end(values: Sequence[float]) -> list[str]:
    return [f"{percentile(values, share):.1f}" for share in (0.5, 0.99)]


def _starts(bulk: Bulk) -> Table:
    head = ["what", "seconds", "goal", "CPU seconds", "supervisor MiB", "worker MiB"]
    nothing = [NOTHING] * 4
    rows = [
        ["written through the Admin API at once", f"{bulk.written_seconds:.2f}", *nothing],
        _start_row("start out of the store", bulk.from_store),
        _start_row("start out of routes.yaml", bulk.from_file),
        ["one changed in routes.yaml", f"{bulk.saved_seconds:.2f}", *nothing],
    ]
    return Table(f"{ROUTES:,} routes with three plugins each, until every worker serves them; medians", head, rows)


def _start_row(name: str, starts: Sequence[Start]) -> list[str]:
    seconds = percentile((start.seconds for start in starts), 0.5)
    figures = (
        percentile((start.cpu_seconds for start in starts), 0.5),
        percentile((start.supervisor_kib for start in starts), 0.5) / _MIB,
        percentile((start.worker_kib for start in starts), 0.5) / _MIB,
    )
    return [name, f"{seconds:.2f}", _COLD_SECONDS.judge(seconds), *(f"{figure:.1f}" for figure in figures)]
