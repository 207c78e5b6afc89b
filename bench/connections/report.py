"""What connections cost, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from ..tables import table
from .measure import AT_ONCE, Coming, Stay

_MIB = 1024


def text(stays: Mapping[str, Stay], comings: Mapping[str, Coming]) -> str:
    """Return a table of each kind that was measured."""
    return "\n\n".join(kind for taken, kind in ((stays, _stays(stays)), (comings, _comings(comings))) if taken)


def _stays(stays: Mapping[str, Stay]) -> str:
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
    return table(head, rows, "Connections that stay, each with one request behind it, over HTTP/1.1")


def _comings(comings: Mapping[str, Coming]) -> str:
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
    return table(head, rows, f"Connections that come, make one request and go, {AT_ONCE} at a time, over HTTP/1.1")
