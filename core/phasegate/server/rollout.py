"""One change of the configuration, brought to every worker or to none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Finding
from .channel import Abort, Commit, Prepare, Prepared, Refused
from .slot import Slot

_PREPARE_SECONDS = 60.0


class Rollout:
    """Asks workers to prepare a document, and tells them all to commit or to abort.

    The first one is asked alone: a document that kills whoever prepares it costs one worker, not all.
    """

    def __init__(self, revision: int, slots: Iterable[Slot]) -> None:
        self.revision = revision
        self.deaths = 0
        """How many workers died while they prepared."""
        self._slots = list(slots)
        self._asked: set[Slot] = set()
        self._waiting: set[Slot] = set()
        self._refusals: list[Finding] = []
        self._answered = asyncio.Event()

    async def run(self, document: Mapping[str, Any]) -> list[Finding]:
        """Return why the document is refused, empty when every worker that was asked serves it now."""
        for group in (self._slots[:1], self._slots[1:]):
            if not self._refusals:
                await self._prepare(group, document)
        for slot in self._asked:
            slot.send(Abort(self.revision) if self._refusals else Commit(self.revision))
        return self._refusals

    def covers(self, slot: Slot) -> bool:
        """Tell whether the worker that is in the slot now was asked."""
        return slot in self._asked

    def answer(self, slot: Slot, message: Prepared | Refused) -> None:
        """Take a worker's answer."""
        if isinstance(message, Refused):
            self._refusals += [finding for finding in message.findings if finding not in self._refusals]
        self._settle(slot)

    def gone(self, slot: Slot) -> None:
        """Note that a worker died; one that had to prepare may have died of it."""
        if slot in self._waiting:
            self.deaths += 1
            self._refusals.append(Finding("", f"worker {slot.index} died while it prepared the change"))
        self._asked.discard(slot)
        self._settle(slot)

    async def _prepare(self, slots: list[Slot], document: Mapping[str, Any]) -> None:
        self._waiting = set(slots)
        self._asked |= self._waiting
        self._answered.clear()
        for slot in slots:
            slot.send(Prepare(self.revision, dict(document)))
        if not self._waiting:
            return
        try:
            await asyncio.wait_for(self._answered.wait(), _PREPARE_SECONDS)
        except TimeoutError:
            late = ", ".join(str(slot.index) for slot in self._waiting)
            self._refusals.append(Finding("", f"not prepared within {_PREPARE_SECONDS:.0f} s by worker {late}"))

    def _settle(self, slot: Slot) -> None:
        self._waiting.discard(slot)
        if not self._waiting:
            self._answered.set()
