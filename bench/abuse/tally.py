"""What became of an attack's connections."""

from __future__ import annotations

import json
import statistics
import textwrap
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, Self

_MOST_NAMED = 3
_LONGEST_FATE = 64


@dataclass(slots=True)
class Tally:
    """Counts over all connections of one attack.

    `cut` were ended by the server, after as many `frames` (over HTTP/1.1: writes) as the attacker had sent until it saw
    that; `endings` tells how, and `streams` what single requests got.
    """

    connections: int = 0
    cut: int = 0
    frames: list[int] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    streams: Counter[str] = field(default_factory=Counter)

    def add(self, *, frames: int, cut: bool, ending: str, streams: Counter[str]) -> None:
        """Note a connection that is over."""
        self.connections += 1
        self.streams += streams
        if cut:
            self.cut += 1
            self.frames.append(frames)
            self.endings[ending] += 1

    def merged(self, other: Tally) -> Tally:
        """Return what both count together."""
        return Tally(
            self.connections + other.connections,
            self.cut + other.cut,
            self.frames + other.frames,
            self.endings + other.endings,
            self.streams + other.streams,
        )

    @property
    def frames_text(self) -> str:
        """How many frames a connection that was cut off had sent: the median, and the most."""
        if not self.frames:
            return "-"
        return f"{statistics.median(self.frames):.0f} (..{max(self.frames)})"

    @property
    def fate(self) -> str:
        """How connections ended, and what their requests got, the most frequent first."""
        named = [
            f"{what} x {number}"
            for counts in (self.endings, self.streams)
            for what, number in counts.most_common(_MOST_NAMED)
        ]
        return (
            textwrap.shorten(", ".join(dict.fromkeys(named)), _LONGEST_FATE, placeholder=" ...") or "nothing happened"
        )

    def document(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def dump(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(self.document())

    @classmethod
    def load(cls, line: str) -> Self:
        """Return what `dump` wrote."""
        values = json.loads(line)
        return cls(
            connections=values["connections"],
            cut=values["cut"],
            frames=values["frames"],
            endings=Counter(values["endings"]),
            streams=Counter(values["streams"]),
        )
