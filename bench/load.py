"""What a load generator measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Completed requests, their rate, how long they took, and what went wrong: one text a kind of trouble."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    problems: tuple[str, ...] = ()
