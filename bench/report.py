"""What a comparison says in the end: as tables for a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .goal import Goal
from .peers import Peer
from .scenario import Scenario
from .summary import Row, Samples
from .tables import NOTHING, spread_text, table

_DISTURBED_SHARE = 0.1
_NAMES = ("scenario", "peer", "mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """Who was compared, and how."""

    peers: Sequence[Peer]
    scenarios: Sequence[Scenario]
    baselines: Sequence[str]
    goals: Mapping[tuple[str, str], Goal]
    rounds: int
    seconds: int

    def text(self) -> str:
        """Return it in lines."""
        lines = [
            f"rounds: {self.rounds}, interleaved; {self.seconds} s a slice; CPU is user and system time of a peer's processes",
            *(f"  {peer.name:<10} {peer.summary}" for peer in self.peers),
            *(f"  {scenario.name:<15} {scenario.summary}" for scenario in self.scenarios),
        ]
        return "\n".join(lines)


def text(compared: Comparable, rows: Sequence[Row], samples: Samples) -> str:
    """Return the whole report in plain text."""
    return "\n\n".join([compared.text(), _figures(compared, rows), _ratios(compared, rows), _disturbance(samples)])


def document(compared: Comparable, rows: Sequence[Row], samples: Samples) -> dict[str, Any]:
    """Return the whole report, with every round's samples, as what JSON can hold."""
    return {
        "rounds": compared.rounds,
        "seconds": compared.seconds,
        "peers": {peer.name: peer.summary for peer in compared.peers},
        "scenarios": {scenario.name: scenario.summary for scenario in compared.scenarios},
        "rows": [
            {
                "scenario": row.lane.scenario.name,
                "peer": row.lane.peer.name,
                "mode": row.lane.mode,
                **{name: dataclasses.asdict(spread) for name, spread in row.figures.items()},
                "cpu_ratios": {name: dataclasses.asdict(spread) for name, spread in row.ratios.items()},
                "samples": [dataclasses.asdict(sample) for sample in samples[row.lane]],
            }
            for row in rows
        ],
    }


def _figures(compared: Comparable, rows: Sequence[Row]) -> str:
    judged = ["goal"] if compared.goals else []
    head = [*_NAMES, "CPU us/request", *judged, "busy", "requests/s", "p50 ms", "p99 ms"]
    title = "Median over the rounds (least..greatest)"
    cells = [
        row
        for scenario in compared.scenarios
        for peer in compared.peers
        for row in _cells_of(compared, scenario, peer, rows) or [_absent(scenario, peer, len(head))]
    ]
    return _table(head, cells, title)


def _cells_of(compared: Comparable, scenario: Scenario, peer: Peer, rows: Sequence[Row]) -> list[list[str]]:
    return [_cells(compared, row) for row in rows if row.lane.scenario is scenario and row.lane.peer is peer]


def _cells(compared: Comparable, row: Row) -> list[str]:
    figures, goal = row.figures, compared.goals.get((row.lane.scenario.name, row.lane.peer.name))
    judged = [goal.judge(figures["cpu_us"].median) if goal else NOTHING] if compared.goals else []
    return [
        *_names(row),
        spread_text(figures["cpu_us"], ".1f"),
        *judged,
        f"{figures['busy'].median:.0%}",
        f"{figures['per_second'].median:.0f}",
        f"{figures['p50_ms'].median:.2f}",
        spread_text(figures["p99_ms"], ".2f"),
    ]


def _absent(scenario: Scenario, peer: Peer, columns: int) -> list[str]:
    """Return the row of a peer that does not speak a scenario's protocol."""
    return [scenario.name, peer.name, *[NOTHING] * (columns - 2)]


def _ratios(compared: Comparable, rows: Sequence[Row]) -> str:
    baselines = compared.baselines
    head = [*_NAMES, *(f"x {name}" for name in baselines)]
    cells = [
        [
            *_names(row),
            *(spread_text(row.ratios[name], "#.3g") if name in row.ratios else NOTHING for name in baselines),
        ]
        for row in rows
        if row.ratios
    ]
    return _table(head, cells, "CPU a request, as a multiple of the baseline's in the same round")


def _disturbance(samples: Samples) -> str:
    shares = [sample.others for taken in samples.values() for sample in taken]
    disturbed = sum(share > _DISTURBED_SHARE for share in shares)
    said = f"Others than the run, a virtual machine's host included, took {statistics.median(shares):.0%} of a core"
    return f"{said}, and more than {_DISTURBED_SHARE:.0%} in {disturbed} of {len(shares)} measurements."


def _table(head: list[str], rows: list[list[str]], title: str) -> str:
    """Return a table, without the modes where there is one only."""
    column = _NAMES.index("mode")
    if len({row[column] for row in rows} - {NOTHING}) > 1:
        return table(head, rows, title)
    short_head, *short_rows = ([*row[:column], *row[column + 1 :]] for row in (head, *rows))
    return table(short_head, short_rows, title)


def _names(row: Row) -> list[str]:
    return [row.lane.scenario.name, row.lane.peer.name, row.lane.mode]
