"""Which state the workers serve, and how a new one reaches all of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from ..errors import ConfigError
from ..logs import report_refusal
from .channel import Abort, Commit, Committed, Prepared, Ready, Refused
from .replacement import Lives
from .rollout import Rollout
from .slot import Slot
from .state import State

_logger = logging.getLogger(__name__)


async def nothing() -> None:
    """Do nothing between what is prepared and its commit."""


class NotPrepared(ConfigError):
    """A state is not served because workers did not prepare it in time, which need not be the fault of the state."""


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

        Where a worker died meanwhile it may have been chance: that is tried once more. One that does not prepare in time may
        hang: it begins anew, and the second try goes on without it. Return the slots of workers that do not say in time that
        they serve it. Where no worker comes to serve, the state is what new ones begin with. Raise ConfigError with the workers' reasons, NotPrepared for lack of time, and whatever `write` raises.
        """
        for last_try in (False, True):
            self._attempts += 1
            ready = await self._lives.ready()
            if last_try and not ready:
                break
            self._rollout = rollout = Rollout(self._attempts, ready, self._lives.leaving)
            try:
                refusals = await rollout.prepare(self.state, state, self.generation)
                if not refusals:
                    return await self._commit(rollout, state, write)
                rollout.abort()
            finally:
                self._rollout = None
            if last_try or not rollout.deaths or len(refusals) > rollout.deaths:
                break
            # Who is late at the second try too is so because of the state, as it seems, and serves on.
            for slot in rollout.late:
                _logger.error("worker does not answer", extra={"slot": slot.index})
                slot.restart()
        raise NotPrepared(refusals) if rollout.late and len(refusals) <= rollout.deaths else ConfigError(refusals)

    def deliver(self, slot: Slot, message: Ready | Prepared | Committed | Refused) -> None:
        """Take what a worker says of a state."""
        rollout = self._rollout
        if isinstance(message, Ready):
            self._admit(slot)
        elif rollout is not None and message.generation == rollout.generation and rollout.covers(slot):
            rollout.answer(slot, message)
        elif isinstance(message, Prepared):
            self._let_catch_up(slot, message.generation)
        elif isinstance(message, Committed):
            self._admit(slot)
        elif not slot.ready:
            report_refusal(_logger, ConfigError(message.findings, f"worker {slot.index}"))
            slot.restart()

    def gone(self, slot: Slot) -> None:
        """Note that a worker ended."""
        self._lives.note()
        if self._rollout is not None:
            self._rollout.gone(slot)

    async def _commit(self, rollout: Rollout, state: State, write: Callable[[], Awaitable[None]]) -> list[int]:
        try:
            await write()
        except BaseException:
            rollout.abort()
            raise
        self.state, self.generation = state, rollout.generation
        late = await rollout.commit()
        if not any(slot.ready for slot in self._lives.slots):
            for slot in self._lives.slots:
                slot.begin_anew()
        late += await self._bring_along()
        if late:
            _logger.warning("workers are late", extra={"slots": late, "generation": rollout.generation})
        return late

    async def _bring_along(self) -> list[int]:
        """Bring those to the present state that were let in while it was on its way; return who is late."""
        late: list[int] = []
        while behind := [slot for slot in self._lives.slots if slot.ready and slot.generation != self.generation]:
            self._rollout = rollout = Rollout(self.generation, behind)
            if await rollout.prepare(self.state, self.state, self.generation):
                for slot in behind:
                    slot.restart()
            else:
                late += await rollout.commit()
        return late

    def _admit(self, slot: Slot) -> None:
        """Let a new worker take requests, once it is where the others are: a change may have been made while it started."""
        if slot.ready:
            return
        if slot.generation == self.generation:
            slot.admit()
            self._lives.note()
        else:
            slot.send(Rollout(self.generation, ()).whole(self.state))

    def _let_catch_up(self, slot: Slot, generation: int) -> None:
        if generation == self.generation:
            slot.generation = generation
            slot.send(Commit(generation))
        else:
            slot.send(Abort(generation))
            self._admit(slot)
