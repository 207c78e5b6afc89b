"""A chart of what a request costs, as SVG: CPU time on a logarithmic axis, and its ratio to one peer's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .scenario import Mode
from .spread import Spread
from .summary import Row

_WIDTH, _LEFT, _RIGHT = 860, 180, 250
_CPU, _RATIO = 690, 848
_TOP, _HEAD, _ROW, _BETWEEN, _BOTTOM = 70, 26, 22, 14, 56
_SPARE = 1.15
_OURS = "phasegate"
# Colours that carry on white and on GitHub's dark background; a browser chooses by its reader's preference.
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 } .small { font-size: 12px; fill: #59636e }
.back { fill: #ffffff } .grid { stroke: #d1d9e0 } .other { fill: #59636e; stroke: #59636e } .ours { fill: #0969da; stroke: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #3d444d }
  .other { fill: #9198a1; stroke: #9198a1 } .ours { fill: #4493f8; stroke: #4493f8 }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Peers under one heading: those of a scenario, each in the first of `modes` that it was measured in."""

    heading: str
    scenario: str
    modes: tuple[Mode, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of the chart: a peer, its CPU microseconds a request, and their ratio to the baseline's."""

    name: str
    cpu_us: Spread
    ratio: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn into `file`: panels, one below another; `names` says how each peer is called, in their order."""

    file: str
    title: str
    panels: tuple[Panel, ...]
    names: Mapping[str, str]
    baseline: str

    def draw(self, rows: Sequence[Row], rounds: int) -> str:
        """Return the SVG."""
        panels = [(panel.heading, self._marks(panel, rows)) for panel in self.panels]
        called = self.names[self.baseline]
        said = f"Median of {rounds} rounds, with the least and the greatest."
        return svg(self.title, said, f"x {called}", [panel for panel in panels if panel[1]])

    def _marks(self, panel: Panel, rows: Sequence[Row]) -> list[Mark]:
        found: dict[str, Row] = {}
        for mode in reversed(panel.modes):
            for row in rows:
                if row.lane.scenario.name == panel.scenario and row.lane.mode == mode:
                    found[row.lane.peer.name] = row
        return [
            Mark(called, found[name].figures["cpu_us"], found[name].ratios.get(self.baseline))
            for name, called in self.names.items()
            if name in found
        ]


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic axis from `least` to `greatest`."""

    least: float
    greatest: float

    @classmethod
    def over(cls, marks: Sequence[Mark]) -> _Axis:
        least = min(mark.cpu_us.least for mark in marks) / _SPARE
        return cls(least, max(mark.cpu_us.greatest for mark in marks) * _SPARE)

    def x(self, value: float) -> float:
        share = math.log(value / self.least) / math.log(self.greatest / self.least)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        first, last = math.floor(math.log10(self.least)), math.ceil(math.log10(self.greatest))
        steps = (step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5))
        return [step for step in steps if self.least <= step <= self.greatest]


def svg(title: str, said: str, ratio: str, panels: Sequence[tuple[str, Sequence[Mark]]]) -> str:
    """Return a drawing of marks under headings, all on one axis; `ratio` heads the column of ratios. There is nothing but the
    title where there is nothing to draw."""
    marks = [mark for _, under in panels for mark in under]
    if not marks:
        return _document(title, said, 0, [])
    axis, parts, top = _Axis.over(marks), [], float(_TOP)
    for heading, under in panels:
        parts.append(_text(12, top + 17, heading, "head"))
        top += _HEAD
        for mark in under:
            parts += _line(mark, axis, top + _ROW / 2)
            top += _ROW
        top += _BETWEEN
    heads = [_text(_CPU, _TOP - 6, "µs", "small", anchor="end"), _text(_RATIO, _TOP - 6, ratio, "small", anchor="end")]
    return _document(title, said, top, [*_grid(axis, top), *heads, *parts])


def _line(mark: Mark, axis: _Axis, y: float) -> list[str]:
    kind = "ours" if mark.name.casefold() == _OURS else "other"
    cpu, x = mark.cpu_us, axis.x(mark.cpu_us.median)
    least, greatest = axis.x(cpu.least), axis.x(cpu.greatest)
    return [
        _text(_LEFT - 12, y + 4, mark.name, "head" if kind == "ours" else "name", anchor="end"),
        f'<line class="{kind}" x1="{least:.1f}" x2="{greatest:.1f}" y1="{y:g}" y2="{y:g}" stroke-width="3"/>',
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:g}" r="5"/>',
        _text(_CPU, y + 4, _figure(cpu.median), "head" if kind == "ours" else "figure", anchor="end"),
        _text(_RATIO, y + 4, "" if mark.ratio is None else _spread(mark.ratio), "figure", anchor="end"),
    ]


def _grid(axis: _Axis, bottom: float) -> list[str]:
    parts: list[str] = []
    for tick in axis.ticks():
        x = axis.x(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom:g}"/>')
        parts.append(_text(x, bottom + 16, f"{tick:g}", "small", anchor="middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    label = "CPU microseconds a request, logarithmic: less is better"
    return [*parts, _text(middle, bottom + 38, label, "small", anchor="middle")]


def _document(title: str, said: str, bottom: float, parts: Sequence[str]) -> str:
    height = (bottom or _TOP) + _BOTTOM
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="back" width="{_WIDTH}" height="{height:g}" rx="6"/>',
            _text(12, 26, title, "title"),
            _text(12, 46, said, "small"),
            *parts,
            "</svg>\n",
        ]
    )


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:g}" text-anchor="{anchor}" xml:space="preserve">{escape(text)}</text>'
    )


def _spread(spread: Spread) -> str:
    return f"{_figure(spread.median)} ({_figure(spread.least)}..{_figure(spread.greatest)})"


def _figure(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
