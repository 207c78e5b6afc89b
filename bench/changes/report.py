"""What was seen of changes, as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..goal import Goal
from ..tables import NOTHING, table
from .bulk import Bulk, Start
from .measure import Series
from .watch import Sight
from .writes import ROUTES

_MIB = 1024
_COLD_SECONDS = Goal(3)
_LAG_MS = Goal(10)
GOALS_MS = {"distribution-node": Goal(100), "distribution-cluster": Goal(500), "routes-10000": Goal(100)}
"""For the 99th percentile of the time from a request until all workers answer by it."""


def text(serieses: Mapping[str, Series], bulk: Bulk | None) -> str:
    """Return a table of each kind that was measured."""
    tables = [_times(serieses), _lags(serieses)] if serieses else []
    return "\n\n".join([*tables, _starts(bulk)] if bulk else tables)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value of the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def _times(serieses: Mapping[str, Series]) -> str:
    columns: Sequence[tuple[str, Callable[[Sight], float]]] = (
        ("acknowledged", lambda sight: sight.acknowledged_ms),
        ("served by all", lambda sight: sight.served_ms),
        ("after the answer", lambda sight: sight.behind_ms),
    )
    shares = (("p50", 0.5), ("p99", 0.99))
    head = ["part", "changes", *(f"{name} {share}" for name, _ in columns for share, _ in shares), "goal"]
    rows = [
        [
            name,
            str(len(series.sights)),
            *(f"{percentile(map(of, series.sights), share):.1f}" for _, of in columns for _, share in shares),
            GOALS_MS[name].judge(percentile((sight.served_ms for sight in series.sights), 0.99)),
        ]
        for name, series in serieses.items()
    ]
    return table(head, rows, "Milliseconds from an Admin PUT until it is answered, and until every worker serves it")


def _lags(serieses: Mapping[str, Series]) -> str:
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
    return table(head, rows, title)


def _middle_and_end(values: Sequence[float]) -> list[str]:
    return [f"{percentile(values, share):.1f}" for share in (0.5, 0.99)]


def _starts(bulk: Bulk) -> str:
    head = ["what", "seconds", "goal", "supervisor MiB", "worker MiB"]
    rows = [
        ["written through the Admin API at once", f"{bulk.written_seconds:.2f}", NOTHING, NOTHING, NOTHING],
        _start_row("start out of the store", bulk.from_store),
        _start_row("start out of routes.yaml", bulk.from_file),
        ["one changed in routes.yaml", f"{bulk.saved_seconds:.2f}", NOTHING, NOTHING, NOTHING],
    ]
    return table(head, rows, f"{ROUTES:,} routes with three plugins each, until every worker serves them; medians")


def _start_row(name: str, starts: Sequence[Start]) -> list[str]:
    seconds = percentile((start.seconds for start in starts), 0.5)
    held = [
        percentile((kib for kib in column), 0.5) / _MIB
        for column in ([start.supervisor_kib for start in starts], [start.worker_kib for start in starts])
    ]
    return [name, f"{seconds:.2f}", _COLD_SECONDS.judge(seconds), *(f"{mib:.1f}" for mib in held)]
