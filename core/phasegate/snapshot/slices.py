"""Long work as steps, taken all at once or in slices between which the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that yields wherever it may be interrupted, and returns its result."""

_SLICE_SECONDS = 0.001


def drained(steps: Steps[T]) -> T:
    """Take every step at once and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


class Slices:
    """Measures how long work has held up the event loop."""

    def __init__(self) -> None:
        self._pause = perf_counter() + _SLICE_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether the event loop has waited for long enough."""
        return perf_counter() >= self._pause

    async def rest(self) -> None:
        """Let the event loop go on if it has waited for long enough."""
        if self.is_over:
            await asyncio.sleep(0)
            self._pause = perf_counter() + _SLICE_SECONDS


async def sliced(steps: Steps[T]) -> T:
    """Take the steps on the event loop, which goes on after each slice of them, and return the result."""
    slices = Slices()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        await slices.rest()
