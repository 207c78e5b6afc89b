"""Tables, in plain text and in Markdown, and the forms of what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def in_markdown(tables: Mapping[str, Table]) -> dict[str, str]:
    """Return each table in Markdown, by its name."""
    return {name: each.markdown() for name, each in tables.items()}


def spread_text(spread: Spread, form: str) -> str:
    """Return the median, and behind it the least and the greatest where they differ from it."""
    if spread.least == spread.greatest:
        return f"{spread.median:{form}}"
    return f"{spread.median:{form}} ({spread.least:{form}}..{spread.greatest:{form}})"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")
