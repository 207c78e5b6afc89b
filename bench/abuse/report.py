"""What the attacks did, as tables and as JSON."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..goal import Goal
from ..spread import Spread
from ..tables import Table, spread_text
from .attacks import Attack
from .gateway import LIMITS
from .siege import OTHERS, Siege
from .tally import Tally

Sieges = Mapping[Attack, Sequence[Siege]]
"""One siege a round, for each attack."""

LATENCY_GOAL_MS = Goal(100)
GROWTH_GOAL_MB = Goal(100)
_MIB = 1024


def text(sieges: Sieges, *, rounds: int, seconds: int) -> str:
    """Return the whole report in plain text."""
    times = ", ".join(f"{name} {value} s" for name, value in LIMITS.items())
    per_second = OTHERS.connections * OTHERS.rate
    lines = [
        f"rounds: {rounds}; {seconds} s an attack, each on a gateway of its own, with one worker",
        f"limits: {times}; all others the defaults",
        f"the others: {OTHERS.connections} connections, {per_second} GETs a second in all over HTTP/2 (h2load)",
        *(f"  {attack.name:<15} {attack.connections} connections at once: {attack.summary}" for attack in sieges),
    ]
    return "\n\n".join(["\n".join(lines), *(each.text() for each in tables(sieges).values())])


def tables(sieges: Sieges) -> dict[str, Table]:
    """Return the tables by their names in the documentation."""
    return {
        "abuse-others": _others(sieges),
        "abuse-worker": _worker(sieges),
        "abuse-attackers": _attackers(sieges),
    }


def document(sieges: Sieges, *, rounds: int, seconds: int) -> dict[str, Any]:
    """Return the whole report as what JSON can hold."""
    return {
        "rounds": rounds,
        "seconds": seconds,
        "limits": LIMITS,
        "attacks": {attack.name: [_document(siege) for siege in taken] for attack, taken in sieges.items()},
    }


def _document(siege: Siege) -> dict[str, Any]:
    return {
        "peace": dataclasses.asdict(siege.peace),
        "attacked": dataclasses.asdict(siege.attacked),
        "before": dataclasses.asdict(siege.before),
        "after": dataclasses.asdict(siege.after),
        "peak_kib": siege.peak_kib,
        "tally": siege.tally.document(),
    }


def _others(sieges: Sieges) -> Table:
    head = ["attack", "p50 ms in peace", "attacked", "p99 ms in peace", "attacked", "goal ms", "answered", "failed"]
    rows = [
        [
            attack.name,
            f"{_spread(taken, lambda siege: siege.peace.p50_ms).median:.2f}",
            f"{_spread(taken, lambda siege: siege.p50_ms).median:.2f}",
            f"{_spread(taken, lambda siege: siege.peace.p99_ms).median:.2f}",
            spread_text(found := _spread(taken, lambda siege: siege.p99_ms), ".2f"),
            LATENCY_GOAL_MS.judge(found.median),
            f"{_spread(taken, lambda siege: siege.answered).median:.0%}",
            str(sum(siege.attacked.failed for siege in taken)),
        ]
        for attack, taken in sieges.items()
    ]
    title = (
        "What the others' requests took: median over the rounds (least..greatest); inf where none was answered in time"
    )
    return Table(title, head, rows)


def _worker(sieges: Sieges) -> Table:
    head = ["attack", "RSS MiB before", "peak", "after", "growth MB", "goal MB", "clients before", "after"]
    rows = [
        [
            attack.name,
            f"{_spread(taken, lambda siege: siege.before.rss_kib / _MIB).median:.1f}",
            f"{_spread(taken, lambda siege: siege.peak_kib / _MIB).median:.1f}",
            f"{_spread(taken, lambda siege: siege.after.rss_kib / _MIB).median:.1f}",
            spread_text(found := _spread(taken, lambda siege: siege.growth_mb), ".1f"),
            GROWTH_GOAL_MB.judge(found.greatest),
            f"{_spread(taken, lambda siege: siege.before.clients).median:.0f}",
            f"{_spread(taken, lambda siege: siege.after.clients).median:.0f}",
        ]
        for attack, taken in sieges.items()
    ]
    return Table("What the worker held: median over the rounds (least..greatest)", head, rows)


def _attackers(sieges: Sieges) -> Table:
    head = ["attack", "connections", "cut off", "after frames", "how they and their requests ended"]
    rows = [
        [attack.name, str(tally.connections), str(tally.cut), tally.frames_text, tally.fate]
        for attack, tally in ((attack, _tally(taken)) for attack, taken in sieges.items())
    ]
    return Table("What became of the attackers, all rounds together", head, rows)


def _tally(taken: Sequence[Siege]) -> Tally:
    return functools.reduce(Tally.merged, (siege.tally for siege in taken))


def _spread(taken: Sequence[Siege], figure: Callable[[Siege], float]) -> Spread:
    return Spread.of(figure(siege) for siege in taken)
