"""Names in a sentence: a few of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Collection

SHOWN = 5


def several(names: Collection[str]) -> str:
    """Return the first names, and the number of the others."""
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def routes(ids: Collection[str]) -> str:
    """Return how some routes are called together."""
    if not ids:
        return "no route"
    return f"{'route' if len(ids) == 1 else 'routes'} {several(ids)}"
