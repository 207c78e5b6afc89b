"""What a comparison says in the end: as tables for a terminal and for the documentation, and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .goal import Budget, Goal, judged
from .header import WIDTH
from .peers import Absent, Peer
from .scenario import Scenario
from .summary import Row, Samples
from .tables import NOTHING, Table, spread_text

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
    absent: Sequence[Absent] = ()
    budget: Sequence[Budget] = ()
    beyond: Mapping[str, Goal] = dataclasses.field(default_factory=dict)

    def text(self) -> str:
        """Return it in lines."""
        width = max(map(len, self.names()))
        lines = [
            f"rounds: {self.rounds}, interleaved; {self.seconds} s a slice; CPU is user and system time of a peer's processes",
            *(f"  {peer.name:<{width}} {peer.summary}" for peer in self.peers),
            *(f"  {each.name:<{width}} is not measured; it needs: {each.remedy}" for each in self.absent),
            *(f"  {scenario.name:<15} {scenario.summary}" for scenario in self.scenarios),
        ]
        return "\n".join(lines)

    def names(self, scenario: Scenario | None = None) -> list[str]:
        """Return who is asked for, in a scenario or at all, the absent last."""
        names = [*(peer.name for peer in self.peers), *(each.name for each in self.absent)]
        return [name for name in names if scenario is None or scenario.asks(name)]


def text(compared: Comparable, rows: Sequence[Row], samples: Samples) -> str:
    """Return the whole report in plain text."""
    shown = [each.text() for each in _tables(compared, rows)]
    return "\n\n".join([compared.text(), *shown, _disturbance(samples)])


def markdown(compared: Comparable, rows: Sequence[Row], samples: Samples) -> str:
    """Return the tables, and how they came about, in Markdown."""
    shown = [each.markdown() for each in _tables(compared, rows)]
    said = f"Rounds: {compared.rounds}, interleaved, {compared.seconds} s a measurement. {_disturbance(samples)}"
    return "\n\n".join([*shown, textwrap.fill(said, WIDTH)])


def document(compared: Comparable, rows: Sequence[Row], samples: Samples) -> dict[str, Any]:
    """Return the whole report, with every round's samples, as what JSON can hold."""
    return {
        "rounds": compared.rounds,
        "seconds": compared.seconds,
        "peers": {peer.name: peer.summary for peer in compared.peers},
        "absent": {each.name: each.remedy for each in compared.absent},
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


def _tables(compared: Comparable, rows: Sequence[Row]) -> list[Table]:
    tables = [_figures(compared, rows), _ratios(compared, rows)]
    tables += [_beyond(compared, rows)] if compared.beyond else []
    return tables + ([_budget(compared, rows)] if compared.budget else [])


def _figures(compared: Comparable, rows: Sequence[Row]) -> Table:
    judging = ["goal"] if compared.goals else []
    head = [*_NAMES, "CPU us/request", *judging, "busy", "requests/s", "p50 ms", "p99 ms"]
    cells = [
        row
        for scenario in compared.scenarios
        for name in compared.names(scenario)
        for row in _cells_of(compared, scenario, name, rows) or [_empty(compared, scenario, name, len(head))]
    ]
    return _table(head, cells, "Median over the rounds (least..greatest)")


def _cells_of(compared: Comparable, scenario: Scenario, name: str, rows: Sequence[Row]) -> list[list[str]]:
    return [_cells(compared, row) for row in rows if row.lane.scenario is scenario and row.lane.peer.name == name]


def _cells(compared: Comparable, row: Row) -> list[str]:
    figures, goal = row.figures, compared.goals.get((row.lane.scenario.name, row.lane.peer.name))
    judging = [goal.judge(figures["cpu_us"].median) if goal else NOTHING] if compared.goals else []
    return [
        *_names(row),
        spread_text(figures["cpu_us"], ".1f"),
        *judging,
        f"{figures['busy'].median:.0%}",
        f"{figures['per_second'].median:.0f}",
        f"{figures['p50_ms'].median:.2f}",
        spread_text(figures["p99_ms"], ".2f"),
    ]


def _empty(compared: Comparable, scenario: Scenario, name: str, columns: int) -> list[str]:
    """Return the row of a peer that is not installed, or does not speak a scenario's protocol."""
    said = "not installed" if any(each.name == name for each in compared.absent) else NOTHING
    return [scenario.name, name, NOTHING, said, *[NOTHING] * (columns - 4)]


def _ratios(compared: Comparable, rows: Sequence[Row]) -> Table:
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


def _budget(compared: Comparable, rows: Sequence[Row]) -> Table:
    found = {(row.lane.scenario.name, row.lane.mode): row for row in rows if row.lane.peer.name == "phasegate"}
    asked = [each for each in compared.budget if (each.scenario, each.mode) in found]
    cells = [[each.against, each.scenario, each.mode, *_kept(each, found[each.scenario, each.mode])] for each in asked]
    head = ["against", "scenario", "mode", "ratio", "must", "aim"]
    return Table("The gateway's CPU a request, as a multiple of others' in the same round, and its goals", head, cells)


def _beyond(compared: Comparable, rows: Sequence[Row]) -> Table:
    """Return what peers take more than the first baseline, which is the one that they are all made of."""
    (baseline, *_) = compared.baselines
    cells = [
        [*_names(row), spread_text(row.beyond[baseline], ".1f"), goal.judge(row.beyond[baseline].median)]
        for row in rows
        if (goal := compared.beyond.get(row.lane.peer.name)) and baseline in row.beyond
    ]
    title = f"CPU microseconds a request beyond those of {baseline} in the same round"
    return _table([*_NAMES, "us more", "goal"], cells, title)


def _kept(budget: Budget, row: Row) -> list[str]:
    ratio = row.ratios.get(budget.against)
    if ratio is None:
        return ["not measured", NOTHING, NOTHING]
    bounds = [judged(bound, ratio.median) for bound in (budget.must, budget.aim)]
    return [spread_text(ratio, "#.3g"), *bounds]


def _disturbance(samples: Samples) -> str:
    shares = [sample.others for taken in samples.values() for sample in taken]
    disturbed = sum(share > _DISTURBED_SHARE for share in shares)
    said = f"Others than the run, a virtual machine's host included, took {statistics.median(shares):.0%} of a core"
    return f"{said}, and more than {_DISTURBED_SHARE:.0%} in {disturbed} of {len(shares)} measurements."


def _table(head: list[str], rows: list[list[str]], title: str) -> Table:
    """Return a table, without the modes where there is one only."""
    column = _NAMES.index("mode")
    if len({row[column] for row in rows} - {NOTHING}) > 1:
        return Table(title, head, rows)
    short_head, *short_rows = ([*row[:column], *row[column + 1 :]] for row in (head, *rows))
    return Table(title, short_head, short_rows)


def _names(row: Row) -> list[str]:
    return [row.lane.scenario.name, row.lane.peer.name, row.lane.mode]
