"""The garbage collector, which must not walk over a configuration of thousands of routes while requests wait."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator

_MANY_OBJECTS = 50_000
# A request leaves no cycles, so that the collector, which by default looks after every 700 objects, has next to nothing to find.
_THRESHOLDS = (50_000, 20, 50)


def settle() -> None:
    """Set aside what a process that is about to serve was started with, and let the collector look seldom from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


@contextlib.contextmanager
def undisturbed(seconds: float | None = None) -> Iterator[None]:
    """Keep the garbage collector away while a snapshot is built or opened, and for good from one of many new objects.

    A full collection walks over every object, a quarter of a second for 10,000 routes with three plugins. What a snapshot
    holds is let go by its reference counts, so that nothing is lost by setting it aside. With `seconds` the collector comes
    back after that time, however long the block takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, gc.enable)
    try:
        yield
        if gc.get_count()[0] > _MANY_OBJECTS:
            gc.freeze()
    finally:
        if timer is not None:
            timer.cancel()
        if was_on:
            gc.enable()
