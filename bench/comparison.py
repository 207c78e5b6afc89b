"""A group of measurements that loads several peers in turn and compares their CPU time a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .chart import Chart
from .goal import Budget, Goal
from .group import Run, Section
from .peers import Cast, Site
from .progress import progress
from .report import Comparable, document, markdown, text
from .scenario import Scenario
from .slice import Lane, Sample, lanes, measure
from .stage import Stage, stage
from .summary import summarize


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Peers that `start` starts, each loaded with each scenario, all in turn in every round.

    Every round has processes of its own: how an interpreter's memory happens to lie makes one of them up to a tenth dearer than
    the next, for as long as it lives.

    The CPU time of `baselines`, names of peers, is what that of the others is divided by. `goals` are CPU microseconds a
    request, by the names of scenario and peer, `budget` bounds the gateway's ratios, and `beyond`, by names of peers, how many
    microseconds more than the baseline's. `chart` draws it for the documentation.
    """

    name: str
    summary: str
    needs: frozenset[str]
    scenarios: tuple[Scenario, ...]
    baselines: tuple[str, ...]
    start: Callable[[Site], Cast]
    goals: Mapping[tuple[str, str], Goal] = field(default_factory=dict)
    budget: tuple[Budget, ...] = ()
    beyond: Mapping[str, Goal] = field(default_factory=dict)
    chart: Chart | None = None

    @property
    def parts(self) -> Sequence[Scenario]:
        """The scenarios."""
        return self.scenarios

    def run(self, run: Run) -> Section:
        """Measure. Raise SliceFailed when a request failed."""
        scenarios = run.chosen(self.scenarios)
        cast, taken = self._measured(scenarios, run)
        compared = Comparable(
            peers=cast.peers,
            absent=cast.absent,
            scenarios=scenarios,
            baselines=self.baselines,
            goals=self.goals,
            budget=self.budget,
            beyond=self.beyond,
            rounds=run.rounds,
            seconds=run.seconds,
        )
        rows = summarize(taken, [*self.baselines, *(each.against for each in self.budget)])
        return Section(
            text=text(compared, rows, taken),
            document=document(compared, rows, taken),
            blocks={self.name: markdown(compared, rows, taken)},
            pictures={self.chart.file: self.chart.draw(rows, run.rounds)} if self.chart else {},
        )

    def _measured(self, scenarios: Sequence[Scenario], run: Run) -> tuple[Stage, dict[Lane, list[Sample]]]:
        """Return who was measured first, and the samples by their lanes there; the peers of other rounds are the same ones."""
        for number in range(run.rounds):
            with stage(run, self.start) as running:
                turns = lanes(scenarios, running.peers)
                if number == 0:
                    first, taken = running, {lane: list[Sample]() for lane in turns}
                label = f"{self.name} {number + 1}/{run.rounds}"
                for samples, lane in zip(taken.values(), progress(turns, label), strict=True):
                    samples.append(measure(lane, running, run.seconds))
        return first, taken
