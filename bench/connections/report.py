"""What connections cost, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from ..tables import Table
from .measure import AT_ONCE, Coming, Stay

_MIB = 1024


def text(stays: Mapping[str, Stay], comings: Mapping[str, Coming]) -> str:
    """Return a table of each kind that was measured."""
    return "\n\n".join(each.text() for each in tables(stays, comings).values())


def tables(stays: Mapping[str, Stay], comings: Mapping[str, Coming]) -> dict[str, Table]:
    """Return the tables by their names in the documentation."""
    found = {"connections-idle": _stays(stays)} if stays else {}
    return {**found, "connections-short": _comings(comings)} if comings else found


def _stays(stays: Mapping[str, Stay]) -> Table:
    head = ["peer", "idle connections", "KiB each", "RSS MiB before", "during", "after", "descriptors before", "after"]
    rows = [
        [
            name,
            str(each.count),
            f"{each.kib_each:.1f}",
            *(f"{held.rss_kib / _MIB:.1f}" for held in (each.before, each.during, each.after)),
            *(str(held.descriptors) for held in (each.before, each.after)),
        ]
        for name, each in stays.items()
    ]
    return Table("Connections that stay, each with one request behind it, over HTTP/1.1", head, rows)


def _comings(comings: Mapping[str, Coming]) -> Table:
    head = ["peer", "connections", "CPU us each", "a second", "RSS MiB before", "after", "descriptors before", "after"]
    rows = [
        [
            name,
            str(each.count),
            f"{each.cpu_us:.1f}",
            f"{each.per_second:.0f}",
            *(f"{held.rss_kib / _MIB:.1f}" for held in (each.before, each.after)),
            *(str(held.descriptors) for held in (each.before, each.after)),
        ]
        for name, each in comings.items()
    ]
    return Table(f"Connections that come, make one request and go, {AT_ONCE} at a time, over HTTP/1.1", head, rows)
