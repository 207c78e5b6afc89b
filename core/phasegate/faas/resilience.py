"""The fields of a function plugin that say how often calls are made once more, and how many there may be at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..plugin import Clock
from .budget import RetryBudget
from .gate import GateLimits
from .retries import Retries

_MILLISECONDS = 1000.0

RESILIENCE: dict[str, Any] = {
    "retries": {
        "type": "integer",
        "min": 0,
        "max": 10,
        "default": 1,
        "about": "How often a call that failed is made once more, at most.",
    },
    "retry_budget": {
        "type": "integer",
        "min": 0,
        "max": 100,
        "default": 20,
        "about": "How many of a hundred calls may be made once more.",
    },
    "retry_wait": {
        "type": "integer",
        "min": 50,
        "max": 60_000,
        "default": 1000,
        "about": "Milliseconds that a request waits to be called again, all its waits together.",
    },
    "retry_on_timeout": {"type": "boolean", "default": False, "about": "Make calls that timed out once more, too."},
    "max_concurrency": {
        "type": "integer",
        "min": 1,
        "about": "How many calls each worker makes at a time; without it any number.",
    },
    "queue": {
        "type": "dict",
        "default": {},
        "about": "Where further calls wait for their turn.",
        "schema": {
            "size": {
                "type": "integer",
                "min": 0,
                "default": 100,
                "about": "How many may wait; one more is answered with 503.",
            },
            "timeout": {
                "type": "integer",
                "min": 1,
                "default": 1000,
                "about": "Milliseconds that each of them waits at most.",
            },
        },
    },
}


@dataclass(kw_only=True)
class Queue:
    """Where calls wait while there are `max_concurrency`: so many, and each for so many milliseconds."""

    size: int
    timeout: int


@dataclass(kw_only=True)
class ResilienceFields:
    """Of each call `retries`, together waiting for `retry_wait` milliseconds at most, and no more than the budget allows.

    `retry_budget` is a percentage of the calls. `max_concurrency` is how many calls each worker makes at a time, None for any
    number; the others wait in the `queue`.
    """

    retries: int
    retry_budget: int
    retry_wait: int
    retry_on_timeout: bool
    max_concurrency: int | None = None
    queue: Queue

    def make_retries(self, budget: RetryBudget, clock: Clock) -> Retries:
        """Return what the retries of all calls have in common."""
        return Retries(
            most=self.retries,
            wait_seconds=self.retry_wait / _MILLISECONDS,
            on_timeout=self.retry_on_timeout,
            budget=budget,
            clock=clock,
        )

    def gate_limits(self) -> GateLimits | None:
        """Return how many calls there may be, None for any number."""
        if self.max_concurrency is None:
            return None
        return GateLimits(self.max_concurrency, self.queue.size, self.queue.timeout / _MILLISECONDS)
