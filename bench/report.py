"""What a run says in the end: as tables for a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .cores import Cores
from .peers import Peer
from .scenario import Scenario
from .summary import BASELINES, Row, Samples, Spread

_DISTURBED_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands above the tables."""

    machine: dict[str, str]
    versions: dict[str, str]
    cores: Cores
    peers: Sequence[Peer]
    scenarios: Sequence[Scenario]
    rounds: int
    seconds: int

    def text(self) -> str:
        """Return it in lines."""
        facts = self.machine
        lines = [
            f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, {facts['python']}",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            self.cores.summary,
            f"rounds: {self.rounds}, interleaved; {self.seconds} s a slice; CPU is user and system time of a peer's processes",
            *(f"  {peer.name:<10} {peer.summary}" for peer in self.peers),
            *(f"  {scenario.name:<10} {scenario.summary}" for scenario in self.scenarios),
        ]
        return "\n".join(lines)


def text(header: Header, rows: Sequence[Row], samples: Samples) -> str:
    """Return the whole report in plain text."""
    return "\n\n".join([header.text(), _figures(rows), _ratios(rows), _disturbance(samples)])


def document(header: Header, rows: Sequence[Row], samples: Samples) -> dict[str, Any]:
    """Return the whole report, with every round's samples, as what JSON can hold."""
    return {
        "machine": header.machine,
        "versions": header.versions,
        "pinning": header.cores.summary,
        "rounds": header.rounds,
        "seconds": header.seconds,
        "peers": {peer.name: peer.summary for peer in header.peers},
        "scenarios": {scenario.name: scenario.summary for scenario in header.scenarios},
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


def _figures(rows: Sequence[Row]) -> str:
    head = ["scenario", "peer", "mode", "CPU us/request", "busy", "requests/s", "p50 ms", "p99 ms"]
    return _table(head, [[*_names(row), *_cells(row)] for row in rows], "Median over the rounds (least..greatest)")


def _cells(row: Row) -> list[str]:
    figures = row.figures
    return [
        _spread(figures["cpu_us"], ".1f"),
        f"{figures['busy'].median:.0%}",
        _spread(figures["per_second"], ".0f"),
        _spread(figures["p50_ms"], ".2f"),
        _spread(figures["p99_ms"], ".2f"),
    ]


def _ratios(rows: Sequence[Row]) -> str:
    head = ["scenario", "peer", "mode", *(f"x {name}" for name in BASELINES)]
    compared = [row for row in rows if row.ratios]
    cells = [
        [*_names(row), *(_spread(row.ratios[name], "#.3g") if name in row.ratios else "-" for name in BASELINES)]
        for row in compared
    ]
    return _table(head, cells, "CPU a request, as a multiple of the baseline's in the same round")


def _disturbance(samples: Samples) -> str:
    shares = [sample.others for taken in samples.values() for sample in taken]
    disturbed = sum(share > _DISTURBED_SHARE for share in shares)
    said = f"Others than the run, a virtual machine's host included, took {statistics.median(shares):.0%} of a core"
    return f"{said}, and more than {_DISTURBED_SHARE:.0%} in {disturbed} of {len(shares)} measurements."


def _names(row: Row) -> list[str]:
    return [row.lane.scenario.name, row.lane.peer.name, row.lane.mode]


def _spread(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} ({spread.least:{form}}..{spread.greatest:{form}})"


def _table(head: list[str], rows: list[list[str]], title: str) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    aligned = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    return "\n".join([title, *aligned])
