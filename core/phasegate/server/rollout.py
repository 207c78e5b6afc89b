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
    """Asks the workers to prepare a document, and tells them all to commit or to abort.

    A worker that dies meanwhile has no say: its successor starts with whatever was accepted.
    """

    def __init__(self, revision: int, slots: Iterable[Slot]) -> None:
        self.revision = revision
        self._waiting = set(slots)
        self._asked = set(self._waiting)
        self._refusals: list[Finding] = []
        self._answered = asyncio.Event()

    async def run(self, document: Mapping[str, Any]) -> list[Finding]:
        """Return why workers refuse the document, empty when all of them serve it now."""
        for slot in self._asked:
            slot.send(Prepare(self.revision, dict(document)))
        self._settle()
        try:
            await asyncio.wait_for(self._answered.wait(), _PREPARE_SECONDS)
        except TimeoutError:
            slots = ", ".join(str(slot.index) for slot in self._waiting)
            self._refusals.append(Finding("", f"worker {slots} did not prepare it within {_PREPARE_SECONDS:.0f} s"))
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
        self._waiting.discard(slot)
        self._settle()

    def gone(self, slot: Slot) -> None:
        """Note that a worker died."""
        self._waiting.discard(slot)
        self._asked.discard(slot)
        self._settle()

    def _settle(self) -> None:
        if not self._waiting:
            self._answered.set()
