"""What the gateway is told to serve: the file's document and the store's records, judged together, changed one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..admin.desk import NotServed, Proposal
from ..errors import ConfigError, Finding, StartupError
from ..logs import report_refusal
from ..references.references import TTL_SECONDS
from ..schema.tables import Schemas
from ..sealing.seal import forgeries
from ..snapshot import Snapshot, Sources
from ..snapshot.garbage import undisturbed
from ..store.file import FileSource
from ..store.records import Conflict, Contents, Revision, Store, StoreUnavailable, Summary
from .distribution import NotPrepared, nothing
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
    what the store holds.
    """

    def __init__(
        self, schemas: Schemas, source: FileSource, store: Store, references: ReferenceTable, serving: Serving
    ) -> None:
        self.changing = asyncio.Lock()
        """Held while anything changes what is served."""
        self._schemas = schemas
        self._source = source
        self._store = store
        self._references = references
        self._serving = serving
        self._stored = Contents(0, {})
        self._judged: Snapshot | None = None
        self._doubts: frozenset[Finding] = frozenset()

    async def begin(self) -> None:
        """Read everything for the first time. Raise ConfigError where it can't be served, StartupError."""
        # Else the collector takes two thirds of reading a file with 10,000 routes.
        with undisturbed():
            await self._begin()

    async def warm_up(self) -> None:
        """Judge what is served where only the workers have, so that the first change finds it done."""
        async with self.changing:
            if self._judged is None:
                self._judged = await self._judge(self._serving.state)

    async def adopt(self, schemas: Schemas) -> Schemas:
        """Judge by other schemas from now on. Return the former ones; raise ConfigError, with them kept, where that fails."""
        former, self._schemas, judged, self._judged = self._schemas, schemas, self._judged, None
        try:
            self._judged = await self._judge(self._serving.state)
        except ConfigError:
            self._schemas, self._judged = former, judged
            raise
        return former

    async def reread(self) -> None:
        """Read the file again and have it served; a bad one is reported and changes nothing. Call it with `changing` held."""
        served = self._serving.state
        try:
            with undisturbed():
                document = settled(served.document, self._source.load())
            if document is not served.document or served.revision != self._stored.revision:
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

    async def revisions(self, before: int | None, limit: int) -> list[Revision]:
        """Return the newest revisions, newest first. Raise StoreUnavailable."""
        return await self._store.revisions(before=before, limit=limit)

    async def packed_revision(self, number: int) -> bytes | None:
        """Return a revision as the store keeps it, None where it is not kept. Raise StoreUnavailable."""
        return await self._store.packed_revision(number)

    async def summaries(self, before: int | None, limit: int) -> list[Summary]:
        """Return the summaries of the newest revisions, newest first. Raise StoreUnavailable."""
        return await self._store.summaries(before=before, limit=limit)

    async def follow_file(self) -> None:
        """Have each change of the file served, for good."""
        async for _ in self._source.changes():
            async with self.changing:
                await self.reread()

    async def follow_store(self) -> None:
        """Have each revision served that others write to the store, for good."""
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
        """Return where the findings are: records have a slash in the first part of their path."""
        parts = [re.split(r"[.\[]", finding.path, maxsplit=1)[0] for finding in findings]
        return "store" if all("/" in part for part in parts) else str(self._source.path)

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
            state = State(self._source.load(), self._stored.records, self._stored.revision)
            state = await self._referring(state)
            if _size(state) <= _JUDGED_FIRST:
                self._judged = await self._judge(state)
        except ConfigError as error:
            raise error.of(self.origin(error.findings)) from error
        self._serving.state = state

    async def _make(self, proposal: Proposal) -> tuple[Revision, list[int]]:
        many = len(proposal.writes) > _MANY
        forged = await asyncio.to_thread(forgeries, proposal.writes) if many else forgeries(proposal.writes)
        if forged:
            raise ConfigError(forged)
        revision = revision_of(proposal, self._stored)
        records = after_revision(self._stored.records, revision)
        state = replace(self._serving.state, records=records, revision=revision.number)
        if proposal.dry_run:
            await self._judge(await self._referring(state))
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
        self._stored = Contents(revision.number, records)
        fields = {"author": proposal.author, "note": proposal.note, "revision": revision.number}
        _logger.info("configuration changed", extra=fields)
        return revision, late

    async def _take_up(self, document: Mapping[str, Any]) -> None:
        """Have a document served with all that the store holds; where that can't be, with what is served of it."""
        served = self._serving.state
        newest = replace(served, document=document, records=self._stored.records, revision=self._stored.revision)
        try:
            await self._serve(newest)
        except ConfigError:
            if document is served.document or served.revision == self._stored.revision:
                raise
            await self._serve(replace(served, document=document))

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
        state = replace(self._serving.state, records=self._stored.records, revision=self._stored.revision)
        try:
            await self._serve(state)
            self._report_accepted("store")
        except ConfigError as error:
            report_refusal(_logger, error.of(f"store, revision {self._stored.revision}"))
        except Exception:
            _logger.exception("configuration can't be judged", extra={"revision": self._stored.revision})

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
        snapshot = await self._judge(state)
        late = await self._serving.bring(state, write)
        self._judged = snapshot
        return late

    async def _referring(self, state: State) -> State:
        """Return the state with the values of the references in it. Raise ConfigError where one has none."""
        table = await self._references.table(state.document, state.records)
        return state if table == state.references else replace(state, references=table)

    async def _refresh(self) -> None:
        state = self._serving.state
        if state.revision != self._stored.revision:
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

    async def _judge(self, state: State) -> Snapshot:
        """Return the snapshot of a state, and log what is doubtful about it. Raise ConfigError where there is none."""
        sources = Sources(state.document, state.records, state.references)
        with undisturbed():
            snapshot = await Snapshot.build(sources, self._schemas, self._judged)
        self._report_doubts(snapshot)
        return snapshot

    def _report_doubts(self, snapshot: Snapshot) -> None:
        """Log what is doubtful about a snapshot and was not about the one before."""
        doubts = snapshot.warnings
        for warning in doubts:
            if warning not in self._doubts:
                fields = {"file": self.origin([warning]), "path": warning.path, "detail": warning.message}
                _logger.warning("configuration warning", extra=fields)
        self._doubts = frozenset(doubts)

    def _report_accepted(self, source: str) -> None:
        state = self._serving.state
        fields = {"file": source, "generation": self._serving.generation, "revision": state.revision}
        _logger.info("configuration accepted", extra=fields)


def _size(state: State) -> int:
    return len(state.records) + sum(len(items) for items in state.document.values() if isinstance(items, list))
