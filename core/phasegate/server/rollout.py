"""One change of what is served, brought to every worker or to none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ..errors import Finding
from .channel import Abort, Commit, Committed, Prepare, Prepared, Refused
from .slot import Slot
from .state import State, difference

_PREPARE_SECONDS = 20.0
_COMMIT_SECONDS = 5.0


class Rollout:
    """Asks workers to prepare a state, and tells them all to commit or to abort.

    The first one is asked alone: a state that kills whoever prepares it costs one worker, not all. Those that are leaving
    are asked last, since they still answer on connections they have; whatever they say, it goes on without them.
    """

    def __init__(self, generation: int, slots: Iterable[Slot], leaving: Iterable[Slot] = ()) -> None:
        self.generation = generation
        self.deaths = 0
        """How many workers died while they prepared, or did not prepare in time."""
        self.late: list[Slot] = []
        """Who did not prepare in time."""
        self._slots = list(slots)
        self._leaving = list(leaving)
        self._asked: set[Slot] = set()
        self._waiting: set[Slot] = set()
        self._refusals: list[Finding] = []
        self._answered = asyncio.Event()

    async def prepare(self, former: State, latter: State, since: int) -> list[Finding]:
        """Have every worker prepare a state; return why it is refused, empty when all are ready to commit.

        Workers that serve the generation `since`, whose state is the former one, are told the difference alone.
        """
        small = Prepare(self.generation, difference(former, latter))
        for group in (self._slots[:1], self._slots[1:], self._leaving):
            if not self._refusals:
                await self._prepare({slot: small if slot.generation == since else self.whole(latter) for slot in group})
        return self._refusals

    def whole(self, state: State) -> Prepare:
        """Return what tells a worker all of a state, whatever it serves."""
        return Prepare(self.generation, difference(State(), state), whole=True)

    async def commit(self) -> list[int]:
        """Have all that prepared serve it; return the slots of those that did not say in time that they do."""
        self._begin(self._asked)
        for slot in self._asked:
            slot.generation = self.generation
            slot.send(Commit(self.generation))
        await self._settled(_COMMIT_SECONDS)
        return sorted(slot.index for slot in self._waiting)

    def abort(self) -> None:
        """Have all that were asked forget it."""
        for slot in self._asked:
            slot.send(Abort(self.generation))

    def covers(self, slot: Slot) -> bool:
        """Tell whether the worker that is in the slot now was asked."""
        return slot in self._asked

    def answer(self, slot: Slot, message: Prepared | Committed | Refused) -> None:
        """Take a worker's answer."""
        if isinstance(message, Refused):
            self._note(slot, message.findings)
        self._settle(slot)

    def gone(self, slot: Slot) -> None:
        """Note that a worker ended; one that had to prepare may have died of it."""
        if slot in self._waiting and not slot.is_leaving:
            self.deaths += 1
            self._note(slot, [Finding("", f"worker {slot.index} died while it prepared the change")])
        self._asked.discard(slot)
        self._settle(slot)

    async def _prepare(self, messages: dict[Slot, Prepare]) -> None:
        # One that was leaving may have left while others prepared, and will never answer.
        messages = {slot: message for slot, message in messages.items() if slot.lives or not slot.is_leaving}
        self._begin(messages)
        self._asked |= messages.keys()
        for slot, message in messages.items():
            await slot.tell(message)
        if not await self._settled(_PREPARE_SECONDS):
            for slot in self._waiting:
                self._note_late(slot)

    def _note_late(self, slot: Slot) -> None:
        if not slot.is_leaving:
            self.deaths += 1
            self.late.append(slot)
        self._note(slot, [Finding("", f"not prepared within {_PREPARE_SECONDS:.0f} s by worker {slot.index}")])

    def _note(self, slot: Slot, findings: Iterable[Finding]) -> None:
        if slot.is_leaving:
            self._asked.discard(slot)
        else:
            self._refusals += [finding for finding in findings if finding not in self._refusals]

    def _begin(self, slots: Iterable[Slot]) -> None:
        self._waiting = set(slots)
        self._answered.clear()

    async def _settled(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while self._waiting:
                    await self._answered.wait()
        except TimeoutError:
            return False
        return True

    def _settle(self, slot: Slot) -> None:
        self._waiting.discard(slot)
        if not self._waiting:
            self._answered.set()
