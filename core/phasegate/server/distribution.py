"""Which state the workers serve, and how a new one reaches all of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from ..errors import ConfigError
from .channel import Abort, Commit, Committed, Prepared, Refused
from .replacement import Lives
from .rollout import Rollout
from .slot import Slot
from .state import State

_logger = logging.getLogger(__name__)


async def nothing() -> None:
    """Do nothing between what is prepared and its commit."""


class Distribution:
    """Keeps every worker at one state. States are counted by generations, the one that the workers began with being 0."""

    def __init__(self, lives: Lives) -> None:
        self.state = State()
        self.generation = 0
        self._lives = lives
        self._attempts = 0
        self._rollout: Rollout | None = None

    def begin(self, slot: Slot) -> State:
        """Return what a new worker in a slot starts with: what is served now."""
        slot.generation = self.generation
        return self.state

    async def bring(self, state: State, write: Callable[[], Awaitable[None]] = nothing) -> list[int]:
        """Bring a state to every worker: all prepare it, `write` makes it last, all commit; or nothing changes.

        Where a worker died meanwhile it may have been chance: that is tried once more. Return the slots of workers that do
        not say in time that they serve it. Raise ConfigError with the workers' reasons, and whatever `write` raises.
        """
        for last_try in (False, True):
            self._attempts += 1
            self._rollout = rollout = Rollout(self._attempts, await self._lives.ready())
            try:
                refusals = await rollout.prepare(self.state, state, self.generation)
                if not refusals:
                    return await self._commit(rollout, state, write)
                rollout.abort()
            finally:
                self._rollout = None
            if last_try or not rollout.deaths or len(refusals) > rollout.deaths:
                break
        raise ConfigError(refusals)

    def deliver(self, slot: Slot, message: Prepared | Committed | Refused) -> None:
        """Take what a worker says of a state."""
        rollout = self._rollout
        if rollout is not None and message.generation == rollout.generation:
            rollout.answer(slot, message)
        elif isinstance(message, Prepared):
            self._let_catch_up(slot, message)

    def gone(self, slot: Slot) -> None:
        """Note that a worker died."""
        if self._rollout is not None:
            self._rollout.gone(slot)

    def catch_up(self, slot: Slot) -> None:
        """Bring a worker up to date that was still starting when the last change was made."""
        if slot.generation != self.generation:
            slot.send(Rollout(self.generation, ()).whole(self.state))

    async def _commit(self, rollout: Rollout, state: State, write: Callable[[], Awaitable[None]]) -> list[int]:
        try:
            await write()
        except BaseException:
            rollout.abort()
            raise
        self._accept(state, rollout)
        late = await rollout.commit()
        if late:
            _logger.warning("workers are late", extra={"slots": late, "generation": rollout.generation})
        return late

    def _accept(self, state: State, rollout: Rollout) -> None:
        self.state, self.generation = state, rollout.generation
        for slot in self._lives.slots:
            if rollout.covers(slot):
                slot.generation = self.generation
            elif slot.ready:
                self.catch_up(slot)

    def _let_catch_up(self, slot: Slot, message: Prepared) -> None:
        current = message.generation == self.generation
        if current:
            slot.generation = message.generation
        slot.send(Commit(message.generation) if current else Abort(message.generation))
