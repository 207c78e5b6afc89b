"""Notices from a thread when the event loop stands still."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

# A process that was stopped, or a machine that slept, is not late once both go on.
_GRACE_SECONDS = 0.05


class Standstill:
    """Asks a loop four times within `limit_seconds` whether it turns.

    When it does not, `noticed` is called in the thread that asks, with the frame where the loop stands, and `over` once it
    goes on, with the seconds that it stood. Whatever runs on the loop pays nothing for it; a turn is all that is asked.
    """

    def __init__(
        self,
        limit_seconds: float,
        noticed: Callable[[FrameType | None], None],
        over: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._limit = limit_seconds
        self._noticed, self._over = noticed, over
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._closed = threading.Event()
        self._turned = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="phasegate-standstill", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        self._turned.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._limit / 4):
            # A new one each time, made before the look at `_closed`, so that `close` never waits for this thread.
            self._turned = threading.Event()
            if self._closed.is_set():
                return
            asked = time.monotonic()
            self._loop.call_soon_threadsafe(self._turned.set)
            if not self._turned.wait(self._limit) and not self._turned.wait(_GRACE_SECONDS):
                self._noticed(sys._current_frames().get(self._thread_id))  # noqa: SLF001 (the only way to another thread's)
                self._turned.wait()
                self._over(time.monotonic() - asked)
