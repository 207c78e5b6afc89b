"""A rolling reload: one slot after another gets a new worker, and the old one finishes what it has under way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from .slot import Slot

_START_SECONDS = 60.0
_KILL_AFTER_SECONDS = 5.0


class Lives:
    """The running slots, and those that were retired and still finish something."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self._launched: list[Slot] = []
        self._news = asyncio.Event()
        self._running: dict[Slot, asyncio.Task[None]] = {}

    @property
    def leaving(self) -> list[Slot]:
        """Those whose place another has taken, and that still answer on connections they have."""
        return [slot for slot in self._running if slot.is_leaving and slot not in self.slots]

    async def launch(self, slots: Iterable[Slot]) -> None:
        """Start the first workers' processes, which load what they are made of until `begin` fills the slots with them."""
        for slot in slots:
            self._launched.append(slot)
            await slot.launch()

    def begin(self) -> None:
        """Fill the slots that were launched."""
        self.slots, self._launched = self._launched, []
        for slot in self.slots:
            self.start(slot)

    def start(self, slot: Slot) -> None:
        """Fill a slot."""
        task = self._running[slot] = asyncio.create_task(slot.run())
        task.add_done_callback(lambda _: self._running.pop(slot, None))

    async def ready(self) -> list[Slot]:
        """Return the slots whose worker serves; where all are just being replaced, wait for one.

        There is none where no new worker comes to serve: each one fails, or takes longer than a start may.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while not any(slot.ready for slot in self.slots) and not all(slot.is_failing for slot in self.slots):
                    self._news.clear()
                    await self._news.wait()
        return [slot for slot in self.slots if slot.ready]

    def note(self) -> None:
        """Note that a worker has begun to serve, or ended."""
        self._news.set()

    async def replace(self, index: int, make: Callable[[int], Slot], graceful_seconds: float) -> bool:
        """Give a place a new worker, and let the old one finish once the new one is ready; tell whether it became that.

        Both accept from the same sockets meanwhile, so that no connection waits for nobody.
        """
        successor = make(index)
        self.start(successor)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(successor.settled.wait(), _START_SECONDS)
        if not successor.ready:
            successor.kill()
            return False
        successor.on_trial = False
        former, self.slots[index] = self.slots[index], successor
        self._see_off(former, graceful_seconds)
        return True

    async def end(self, graceful_seconds: float) -> None:
        """Let every worker finish what is in flight, one on trial among them; whoever takes longer is killed."""
        for slot in self._launched:
            await slot.discard()
        for slot in list(self._running):
            slot.retire()
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=graceful_seconds + _KILL_AFTER_SECONDS)
        self.kill()
        await asyncio.gather(*running, return_exceptions=True)

    def kill(self) -> None:
        """End every worker at once."""
        for slot in list(self._running):
            slot.kill()

    def _see_off(self, slot: Slot, graceful_seconds: float) -> None:
        slot.retire()
        asyncio.get_running_loop().call_later(graceful_seconds + _KILL_AFTER_SECONDS, slot.kill)
