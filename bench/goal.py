"""What a figure is hoped to be, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass


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
