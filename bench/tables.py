"""Tables in plain text, and the forms of what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .spread import Spread

NOTHING = "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str) -> str:
    """Return a title, and below it head and rows with their columns aligned."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    aligned = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    return "\n".join([title, *aligned])


def spread_text(spread: Spread, form: str) -> str:
    """Return the median, and behind it the least and the greatest where they differ from it."""
    if spread.least == spread.greatest:
        return f"{spread.median:{form}}"
    return f"{spread.median:{form}} ({spread.least:{form}}..{spread.greatest:{form}})"
