"""Notices from a thread when the event loop stands still, and says which plugin holds it up."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback

from .whereabouts import of_frame

_logger = logging.getLogger(__name__)

# A process that was stopped, or a machine that slept, is not late once both go on.
_GRACE_SECONDS = 0.05


class Standstill:
    """Asks a loop four times within `limit_seconds` whether it turns, and logs where it stands when it does not.

    Whatever runs on the loop pays nothing for it; a turn of the loop is all that is asked.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._over = threading.Event()
        self._turned = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="phasegate-standstill", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._over.set()
        self._turned.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._limit / 4):
            # A new one each time, made before the look at `_over`, so that `close` never waits for this thread.
            self._turned = threading.Event()
            if self._over.is_set():
                return
            asked = time.monotonic()
            self._loop.call_soon_threadsafe(self._turned.set)
            if not self._turned.wait(self._limit) and not self._turned.wait(_GRACE_SECONDS):
                self._report()
                self._turned.wait()
                seconds = round(time.monotonic() - asked, 3)
                _logger.warning("event loop goes on", extra={"seconds": seconds})

    def _report(self) -> None:
        frame = sys._current_frames().get(self._thread_id)  # noqa: SLF001 (there is no other way to another thread's)
        where = of_frame(frame)
        fields = {} if where is None else where._asdict()
        stack = "".join(traceback.format_stack(frame))
        _logger.error("event loop stands still", extra={**fields, "stack": stack})
