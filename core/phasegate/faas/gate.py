"""How many calls a function may have at a time, and the queue of those that come when there are as many."""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple

from ..errors import Overloaded


class GateLimits(NamedTuple):
    """How many calls there may be at a time, how many more may wait, and for how long each of them."""

    calls: int
    waiting: int
    patience_seconds: float


class Gate:
    """Lets calls in, as many at a time as there are places; the others wait, and come in in the order they came."""

    def __init__(self, limits: GateLimits) -> None:
        self._limits = limits
        self._free = limits.calls
        # In the order they came; a dictionary, since those in the middle may leave.
        self._waiting: dict[asyncio.Future[None], None] = {}

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    async def enter(self) -> Place:
        """Return a place once there is one. Raise Overloaded where too many wait already, or it takes too long."""
        if self._free:
            self._free -= 1
        elif len(self._waiting) < self._limits.waiting:
            await self._queue()
        else:
            raise self._overloaded(f"queue.size, {self._limits.waiting}, wait already")
        return Place(self)

    def leave(self) -> None:
        """Give a place to the call that waits longest, or free it. Called by places."""
        while self._waiting:
            turn = next(iter(self._waiting))
            del self._waiting[turn]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _queue(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            async with asyncio.timeout(self._limits.patience_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It was given the place in the very turn of the loop in which it stopped waiting.
                self.leave()
            self._waiting.pop(turn, None)
            if isinstance(error, TimeoutError):
                raise self._overloaded(
                    f"none ended within queue.timeout, {self._limits.patience_seconds * 1000:g} ms"
                ) from error
            raise

    def _overloaded(self, why: str) -> Overloaded:
        seconds = max(1, math.ceil(self._limits.patience_seconds))
        message = (
            f"max_concurrency, {self._limits.calls} calls, is reached, and {why}: raise them, or see what slows it"
        )
        return Overloaded(message, retry_after_seconds=seconds)


class Place:
    """One call's place at a gate, until it leaves."""

    __slots__ = ("_gate",)

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate

    def leave(self) -> None:
        """Make room for another call; once left, nothing more."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.leave()
