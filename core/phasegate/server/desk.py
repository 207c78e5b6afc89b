"""The Admin API's desk in a worker: what file and store hold, and proposals handed on to the supervisor."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import cast

from ..admin.desk import Proposal, View
from ..store.records import Revision, StoreUnavailable, Summary
from .channel import (
    Answer,
    Answered,
    AskExplanation,
    AskRevision,
    AskRevisions,
    AskSummaries,
    Channel,
    Explained,
    Propose,
    Question,
)
from .state import State


class WorkerDesk:
    """Shows what the worker knows file and store to hold, and asks the supervisor for everything else.

    The supervisor answers a proposal after it has told this worker to serve the change, on the same line, so that it is
    served by then.
    """

    def __init__(self, channel: Channel, state: Callable[[], State], file: str, *, writable: bool) -> None:
        self._channel = channel
        self._state = state
        self._file = file
        self._writable = writable
        self._tickets = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._is_closed = False

    @property
    def view(self) -> View:
        """The configuration of file and store."""
        state = self._state()
        stored = state.stored
        return View(state.document, stored.records, stored.revision, self._file, self._writable)

    async def propose(self, proposal: Proposal, *, everywhere: bool = False) -> Revision:
        """Make a change; see `admin.desk.Desk`."""
        return cast("Revision", await self._ask(Propose(next(self._tickets), proposal, everywhere)))

    async def revisions(self, *, before: int | None = None, limit: int = 50) -> list[Revision]:
        """Return the newest revisions, newest first. Raise StoreUnavailable."""
        return cast("list[Revision]", await self._ask(AskRevisions(next(self._tickets), before, limit)))

    async def packed_revision(self, number: int) -> bytes | None:
        """Return one revision as the store keeps it, None where it is not kept. Raise StoreUnavailable."""
        return cast("bytes | None", await self._ask(AskRevision(next(self._tickets), number)))

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the summaries of the newest revisions, newest first. Raise StoreUnavailable."""
        return cast("list[Summary]", await self._ask(AskSummaries(next(self._tickets), before, limit)))

    def keep(self, request_id: str, explanation: bytes) -> None:
        """Have the supervisor keep an explanation; see `explain.kept.Kept`."""
        self._channel.send(Explained(request_id, explanation))

    async def find(self, request_id: str) -> bytes | None:
        """Return the explanation of a request, whichever worker answered it. Raise StoreUnavailable when all ends."""
        return cast("bytes | None", await self._ask(AskExplanation(next(self._tickets), request_id)))

    def answered(self, message: Answered) -> None:
        """Take the supervisor's answer."""
        waiting = self._waiting.pop(message.ticket, None)
        if waiting is None or waiting.done():
            return
        if isinstance(message.answer, Exception):
            waiting.set_exception(message.answer)
        else:
            waiting.set_result(message.answer)

    def close(self) -> None:
        """Give up what was not answered, and ask for nothing more: the supervisor is gone, or the worker ends."""
        self._is_closed = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(StoreUnavailable("the gateway ends; whether the change was made is not known"))
        self._waiting.clear()

    async def _ask(self, question: Question) -> Answer:
        if self._is_closed:
            raise StoreUnavailable("the gateway ends")
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[question.ticket] = waiting
        try:
            await self._channel.tell(question)
            return await waiting
        finally:
            self._waiting.pop(question.ticket, None)
