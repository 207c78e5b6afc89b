"""What the gateway is told to serve: the file's document and the store's records, judged together, changed one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..admin.desk import NotServed, Proposal
from ..errors import ConfigError, Finding, StartupError
from ..logs import report_refusal
from ..references.references import TTL_SECONDS
from ..schema.tables import Schemas
from ..sealing.seal import forgeries
from ..snapshot.garbage import undisturbed
from ..store.file import FileSource
from ..store.records import Conflict, Contents, Revision, Store, StoreUnavailable
from .distribution import NotPrepared, nothing
from .judge import Judge
from .proposed import is_outdated, revision_of
from .reference_table import ReferenceTable
from .state import State, after_revision, settled, settled_records

_logger = logging.getLogger(__name__)

_TRIES = 20
_PULLED = 50
# So many writes are looked at in a thread.
_MANY = 200
# More resources than these the workers judge alone at first: a supervisor that did so before them made a start of 10,000
# routes take half as long again.
_JUDGED_FIRST = 1000


class Serving(Protocol):
    """What has states served: by workers, or by the process itself."""

    state: State
    generation: int

    async def bring(self, state: State, write: Callable[[], Awaitable[None]] = nothing) -> list[int]:
        """Have a state served once `write` has made it last, as `Distribution.bring` says."""


class Configuration:
    """Reads the sources, judges every change of them as a whole, and has it served.

    The store may be ahead of what is served, where another node wrote what this one can't serve. Proposals are judged by
    what the store holds, and workers are told of it.
    """

    def __init__(
        self, schemas: Schemas, source: FileSource, store: Store, references: ReferenceTable, serving: Serving
    ) -> None:
        self.changing = asyncio.Lock()
        """Held while anything changes what is served."""
        self._judge = Judge(schemas, str(source.path))
        self._source = source
        self._store = store
        self._references = references
        self._serving = serving
        self._stored = Contents(0, {})

    async def begin(self) -> None:
        """Read everything for the first time. Raise ConfigError where it can't be served, StartupError."""
        # Else the collector takes two thirds of reading a file with 10,000 routes.
        with undisturbed():
            await self._begin()

    async def warm_up(self) -> None:
        """Judge what is served where only the workers have, so that the first change finds it done."""
        async with self.changing:
            await self._judge.warm_up(self._serving.state)

    async def adopt(self, schemas: Schemas) -> Schemas:
        """Judge by other schemas from now on. Return the former ones; raise ConfigError, with them kept, where that fails."""
        return await self._judge.adopt(schemas, self._serving.state)

    async def reread(self) -> None:
        """Read the file again and have it served; a bad one is reported and changes nothing. Call it with `changing` held."""
        served = self._serving.state
        try:
            with undisturbed():
                document = settled(served.document, self._source.load())
            if document is not served.document or self._is_behind():
                await self._take_up(document)
                self._report_accepted(str(self._source.path))
        except ConfigError as error:
            report_refusal(_logger, error.of(str(self._source.path)))
        except Exception:
            _logger.exception("configuration can't be judged", extra={"file": str(self._source.path)})

    async def propose(self, proposal: Proposal) -> tuple[Revision, list[int]]:
        """Make a change, as `admin.desk.Desk` says; return it, and the slots of workers that are late to serve it."""
        async with self.changing:
            for _ in range(_TRIES):
                if is_outdated(proposal, self._stored):
                    raise Conflict("it is not as it was when the change was made from it")
                try:
                    return await self._make(proposal)
                except Conflict:
                    await self._pull()
        raise Conflict(f"others changed the store {_TRIES} times meanwhile: try again")

    async def follow_file(self) -> None:
        """Have each change of the file served, for good."""
        async for _ in self._source.changes():
            async with self.changing:
                await self.reread()

    async def follow_store(self) -> None:
        """Have each revision served that others write to the store, for good."""
        self._note_served()
        async for news in self._store.watch(self._stored.revision):
            async with self.changing:
                await self._take_in(news)

    async def follow_references(self) -> None:
        """Have the values of references served that change where they stand, for good."""
        while True:
            await asyncio.sleep(TTL_SECONDS)
            async with self.changing:
                await self._refresh()

    def origin(self, findings: Iterable[Finding]) -> str:
        """Return where the findings are: in the store, or in the file."""
        return self._judge.origin(findings)

    async def close(self) -> None:
        """Close the store."""
        await self._references.close()
        await self._store.close()

    async def _begin(self) -> None:
        try:
            self._stored = await self._store.load()
        except StoreUnavailable as error:
            raise StartupError(f"the store can't be used: {error}") from error
        try:
            self._serving.state = await self._first(State(self._source.load()))
        except ConfigError as error:
            raise error.of(self.origin(error.findings)) from error

    async def _first(self, state: State) -> State:
        """Return what is served first: all that the store holds, or, where that can't be, what was served of it last."""
        former = await self._store.last_good()
        try:
            return await self._fit(state.at(self._stored), anyway=former is not None)
        except ConfigError as error:
            if former is None:
                raise
            records = settled_records(self._stored.records, former.records)
            state = state.at(Contents(former.revision, records)).behind(self._stored)
            try:
                state = await self._fit(state, anyway=True)
            except ConfigError:
                raise error from None
            report_refusal(_logger, error.of(f"store, revision {self._stored.revision}"))
            _logger.error("serving the last good configuration", extra={"revision": former.revision})  # noqa: TRY400
            return state

    async def _fit(self, state: State, *, anyway: bool) -> State:
        """Return the state with its references, judged if it is small, or `anyway`. Raise ConfigError."""
        state = await self._referring(state)
        if anyway or _size(state) <= _JUDGED_FIRST:
            self._judge.accept(await self._judge.judge(state))
        return state

    async def _make(self, proposal: Proposal) -> tuple[Revision, list[int]]:
        many = len(proposal.writes) > _MANY
        forged = await asyncio.to_thread(forgeries, proposal.writes) if many else forgeries(proposal.writes)
        if forged:
            raise ConfigError(forged)
        revision = revision_of(proposal, self._stored)
        newest = Contents(revision.number, after_revision(self._stored.records, revision))
        state = self._serving.state.at(newest)
        if proposal.dry_run:
            await self._judge.judge(await self._referring(state))
            return revision, []

        async def write() -> None:
            nonlocal revision
            revision = await self._store.apply(
                proposal.writes, base=self._stored.revision, author=proposal.author, note=proposal.note
            )

        try:
            late = await self._serve(state, write)
        except NotPrepared as error:
            raise NotServed(f"nothing is written: {error}") from error
        self._stored = newest
        fields = {"author": proposal.author, "note": proposal.note, "revision": revision.number}
        _logger.info("configuration changed", extra=fields)
        return revision, late

    async def _take_up(self, document: Mapping[str, Any]) -> None:
        """Have a document served with all that the store holds; where that can't be, with what is served of it."""
        served = self._serving.state
        try:
            await self._serve(replace(served, document=document).at(self._stored))
        except ConfigError:
            if document is served.document or not self._is_behind():
                raise
            await self._serve(replace(served, document=document).behind(self._stored))

    async def _take_in(self, news: Revision | Contents) -> None:
        if isinstance(news, Contents) and news.revision < self._stored.revision:
            # Read before what was written here since then; or the store is another one, and this shows it too.
            news = await self._store.load()
        if isinstance(news, Contents):
            records = settled_records(self._stored.records, news.records)
            self._stored = Contents(news.revision, records)
        elif news.number > self._stored.revision:
            self._stored = Contents(news.number, after_revision(self._stored.records, news))
        else:
            return
        try:
            await self._serve(self._serving.state.at(self._stored))
            self._report_accepted("store")
        except ConfigError as error:
            report_refusal(_logger, error.of(f"store, revision {self._stored.revision}"))
            await self._fall_behind()
        except Exception:
            _logger.exception("configuration can't be judged", extra={"revision": self._stored.revision})
            await self._fall_behind()

    async def _fall_behind(self) -> None:
        """Let the workers know what the store holds, for the Admin API shows and changes that; what is served stays."""
        try:
            await self._serving.bring(self._serving.state.behind(self._stored))
        except ConfigError as error:
            report_refusal(_logger, error.of("workers"))

    def _is_behind(self) -> bool:
        """Tell whether the store holds something else than is served."""
        served = self._serving.state
        return served.revision != self._stored.revision or served.records is not self._stored.records

    async def _pull(self) -> None:
        """Take in what others wrote, without waiting for the watch. Raise StoreUnavailable."""
        news = (await self._store.revisions(after=self._stored.revision, limit=_PULLED))[::-1]
        if not news or news[0].number > self._stored.revision + 1:
            await self._take_in(await self._store.load())
            return
        for revision in news:
            await self._take_in(revision)

    async def _serve(self, state: State, write: Callable[[], Awaitable[None]] = nothing) -> list[int]:
        state = await self._referring(state)
        snapshot = await self._judge.judge(state)
        late = await self._serving.bring(state, write)
        self._judge.accept(snapshot)
        self._note_served()
        return late

    def _note_served(self) -> None:
        """Let the store keep what is served, if that is all that it holds."""
        state = self._serving.state
        if state.ahead is None:
            self._store.served(state.revision)

    async def _referring(self, state: State) -> State:
        """Return the state with the values of the references in it. Raise ConfigError where one has none."""
        table = await self._references.table(state.document, state.records)
        return state if table == state.references else replace(state, references=table)

    async def _refresh(self) -> None:
        state = self._serving.state
        if self._is_behind():
            # A reference that had no value may have been all that was wrong.
            with contextlib.suppress(ConfigError):
                await self._take_up(state.document)
                self._report_accepted("store")
                return
        try:
            fresh = await self._referring(state)
            if fresh is not state:
                await self._serve(fresh)
                self._report_accepted("references")
        except ConfigError as error:
            report_refusal(_logger, error.of("references"))

    def _report_accepted(self, source: str) -> None:
        state = self._serving.state
        fields = {"file": source, "generation": self._serving.generation, "revision": state.revision}
        _logger.info("configuration accepted", extra=fields)


def _size(state: State) -> int:
    return len(state.records) + sum(len(items) for items in state.document.values() if isinstance(items, list))
