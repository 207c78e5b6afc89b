"""Judging states by building their snapshots, each upon the one that is served, and telling what is doubtful."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from ..errors import ConfigError, Finding
from ..schema.tables import Schemas
from ..snapshot import Snapshot, Sources
from ..snapshot.garbage import undisturbed
from .state import State

_logger = logging.getLogger(__name__)


class Judge:
    """Says whether states can be served; `file` names the file that documents come from."""

    def __init__(self, schemas: Schemas, file: str) -> None:
        self._schemas = schemas
        self._file = file
        self._served: Snapshot | None = None
        self._doubts: frozenset[Finding] = frozenset()

    async def judge(self, state: State) -> Snapshot:
        """Return the snapshot of a state, and log what is doubtful about it. Raise ConfigError where there is none.

        It is built in slices, between which the event loop goes on.
        """
        sources = Sources(state.document, state.records, state.references)
        with undisturbed():
            snapshot = await Snapshot.build(sources, self._schemas, self._served)
        self._report_doubts(snapshot)
        return snapshot

    def accept(self, snapshot: Snapshot) -> None:
        """Judge upon this snapshot from now on, for its state is served."""
        self._served = snapshot

    async def warm_up(self, state: State) -> None:
        """Judge what is served if nobody has. Raise ConfigError."""
        if self._served is None:
            self._served = await self.judge(state)

    async def adopt(self, schemas: Schemas, state: State) -> Schemas:
        """Judge by other schemas from now on, by which `state` is to be good.

        Return the former ones; raise ConfigError, with them kept, where it is not.
        """
        former, self._schemas, served, self._served = self._schemas, schemas, self._served, None
        try:
            self._served = await self.judge(state)
        except ConfigError:
            self._schemas, self._served = former, served
            raise
        return former

    def origin(self, findings: Iterable[Finding]) -> str:
        """Return where the findings are: records have a slash in the first part of their path."""
        parts = [re.split(r"[.\[]", finding.path, maxsplit=1)[0] for finding in findings]
        return "store" if all("/" in part for part in parts) else self._file

    def _report_doubts(self, snapshot: Snapshot) -> None:
        """Log what is doubtful about a snapshot and was not about the one before."""
        doubts = snapshot.warnings
        for warning in doubts:
            if warning not in self._doubts:
                fields = {"file": self.origin([warning]), "path": warning.path, "detail": warning.message}
                _logger.warning("configuration warning", extra=fields)
        self._doubts = frozenset(doubts)
