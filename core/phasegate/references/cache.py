"""What was read elsewhere, kept for a time, and longer where it can't be read anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from .syntax import Unresolved

_logger = logging.getLogger(__name__)

AT_ONCE = 16
_RETRY_SECONDS = 10.0
# Many reads wait for their turn: who asks waits for that many times what one read may take.
_PATIENCE = 4

Read = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class _Entry:
    value: Any
    due: float
    wanted: float
    failing: bool = False


class Cache:
    """Reads each thing at most once in `ttl` seconds, many at a time, each within `timeout` seconds.

    Where reading anew fails, the last good value holds on, which is logged once; it is tried again ten seconds later.
    """

    def __init__(self, ttl: float, timeout: float, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._timeout = timeout
        self._clock = clock
        self._entries: dict[Hashable, _Entry] = {}
        self._reading: dict[Hashable, asyncio.Task[Any]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def get(self, key: Hashable, name: str, read: Read) -> Any:
        """Return what is kept under the key, or what `read` returns. Raise Unresolved; `name` is for the log."""
        now = self._clock()
        entry = self._entries.get(key)
        if entry is not None:
            entry.wanted = now
            if now < entry.due:
                return entry.value
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._refresh(key, name, read))
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        value = await self._awaited(task, key, name)
        if isinstance(value, Unresolved):
            raise value
        return value

    def forget(self) -> None:
        """Let go what nobody has asked for in a long time."""
        horizon = self._clock() - 10 * max(self._ttl, _RETRY_SECONDS)
        self._entries = {key: entry for key, entry in self._entries.items() if entry.wanted > horizon}

    async def close(self) -> None:
        """Stop reading."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _awaited(self, task: asyncio.Task[Any], key: Hashable, name: str) -> Any:
        """Wait for a read, which others may wait for too, within bounds; it goes on when nobody waits any more."""
        limit = _PATIENCE * self._timeout
        done, _ = await asyncio.wait([task], timeout=limit)
        return (
            task.result() if done else self._last_good(key, name, Unresolved(f"was not read within {limit:g} seconds"))
        )

    async def _refresh(self, key: Hashable, name: str, read: Read) -> Any:
        """Return a new value, else the last good one, else why there is none: nobody may be left to raise to."""
        try:
            async with self._places, asyncio.timeout(self._timeout):
                value = await read()
        except TimeoutError:
            return self._last_good(key, name, Unresolved(f"was not answered within {self._timeout:g} seconds"))
        except Unresolved as error:
            return self._last_good(key, name, error)
        entry = self._entries.get(key)
        if entry is not None and entry.failing:
            _logger.info("reference refreshed", extra={"reference": name})
        now = self._clock()
        self._entries[key] = _Entry(value, now + self._ttl, now)
        return value

    def _last_good(self, key: Hashable, name: str, error: Unresolved) -> Any:
        entry = self._entries.get(key)
        if entry is None:
            return error
        if not entry.failing:
            _logger.warning("reference can't be refreshed", extra={"reference": name, "detail": str(error)})
        entry.failing = True
        entry.due = self._clock() + min(self._ttl, _RETRY_SECONDS)
        return entry.value
