"""What a figure is hoped to be, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass

from .scenario import Mode


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure's bound, of our own making; with `least` it is what is expected of somebody else."""

    most: float
    least: float | None = None

    def judge(self, figure: float) -> str:
        """Return the goal, and how the figure stands to it."""
        if self.least is not None:
            return f"({self.least:g}..{self.most:g})"
        return f"< {self.most:g} {'met' if figure < self.most else 'missed'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much CPU a request of the gateway may cost, as a multiple of another peer's: what it must keep to, and what
    it aims at. `must` is None where there is an aim alone."""

    scenario: str
    mode: Mode
    against: str
    must: float | None
    aim: float


def judged(bound: float | None, figure: float) -> str:
    """Return a bound, and whether a figure keeps to it."""
    if bound is None:
        return "-"
    text = f"1/{1 / bound:.0f}" if bound < 0.2 else f"{bound:g}"
    return f"<= {text} {'reached' if figure <= bound else 'missed'}"
