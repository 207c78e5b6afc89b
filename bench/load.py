"""What a load generator measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Completed requests, their rate, how long they took, how many failed, and why: one text a kind of trouble."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int = 0
    problems: tuple[str, ...] = ()
