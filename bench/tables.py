"""Tables, in plain text and in Markdown, and the forms of what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .spread import Spread

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, and below it a head and rows of cells."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """Return it with its columns aligned."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        aligned = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([self.title, *aligned])

    def markdown(self) -> str:
        """Return it as Markdown, its title in bold above it."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(map(_cell, line))} |" for line in lines)])


def table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str) -> str:
    """Return a title, and below it head and rows with their columns aligned."""
    return Table(title, head, list(rows)).text()


def spread_text(spread: Spread, form: str) -> str:
    """Return the median, and behind it the least and the greatest where they differ from it."""
    if spread.least == spread.greatest:
        return f"{spread.median:{form}}"
    return f"{spread.median:{form}} ({spread.least:{form}}..{spread.greatest:{form}})"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")
