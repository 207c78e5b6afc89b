"""A configuration on a store, as a node's supervisor has it, with workers that only obey."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from phasegate.admin.desk import Proposal
from phasegate.references import Reach, References
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.server.configuration import Configuration
from phasegate.server.distribution import Distribution
from phasegate.server.reference_table import ReferenceTable
from phasegate.store.file import FileSource
from phasegate.store.last_good import Kept
from phasegate.store.records import Store, Write
from phasegate.store.sqlite import SqliteStore
from tests.crew import Obedient, crew

NODES = {"nodes": {"127.0.0.1:1980": 1}}


def upstream(id_: str, port: int = 1980) -> Write:
    return Write("upstreams", id_, {"id": id_, "nodes": {f"127.0.0.1:{port}": 1}})


def route(id_: str, **value: Any) -> Write:
    return Write("routes", id_, {"id": id_, "uri": f"/{id_}", **value})


def proposal(
    *writes: Write, expected: dict[tuple[str, str], int | None] | None = None, dry_run: bool = False
) -> Proposal:
    return Proposal(writes, expected or {}, "tests", "a change", dry_run)


def references(folder: Path) -> ReferenceTable:
    reach = Reach(env_prefixes=("PHASEGATE_",), file_roots=(), folder=folder)
    return ReferenceTable(References(reach, {"PHASEGATE_PORT": "1999"}))


class Node:
    """A configuration on a store, and the workers that serve it."""

    def __init__(self, folder: Path, document: Any = None, *, keeps: bool = False) -> None:
        self.file = folder / "routes.yaml"
        self.write_file(document or {"routes": []})
        store = SqliteStore(folder / "store.db")
        self.store: Store = Kept(store, folder / "last-good.json") if keeps else store
        self.distribution: Distribution
        self.workers: list[Obedient]
        self.distribution, self.workers = crew(2)
        schemas = Schemas(Registry(()))
        self.configuration = Configuration(
            schemas, FileSource(self.file), self.store, references(folder), self.distribution
        )

    def write_file(self, document: Any) -> None:
        self.file.write_text(json.dumps(document))

    async def begin(self) -> None:
        await self.configuration.begin()
        for worker in self.workers:
            worker.state = self.distribution.begin(worker)  # type: ignore[arg-type]

    def served(self) -> set[str]:
        """Return the ids of the records that every worker serves."""
        ids = [{record.id for record in worker.state.records.values()} for worker in self.workers]
        assert all(each == ids[0] for each in ids)
        return ids[0]

    def known(self) -> set[str]:
        """Return the ids of the records that every worker knows the store to hold."""
        ids = [{record.id for record in worker.state.stored.records.values()} for worker in self.workers]
        assert all(each == ids[0] for each in ids)
        return ids[0]

    async def until_known(self, ids: set[str]) -> None:
        async with asyncio.timeout(10):
            while any({record.id for record in worker.state.stored.records.values()} != ids for worker in self.workers):
                await asyncio.sleep(0.005)

    async def until_stored(self, revision: int) -> None:
        """Wait until it has taken in a revision, whether it serves that or not."""
        async with asyncio.timeout(10):
            while self.configuration._stored.revision < revision:
                await asyncio.sleep(0.005)
        async with self.configuration.changing:
            pass

    async def until_served(self, ids: set[str]) -> None:
        async with asyncio.timeout(10):
            while any({record.id for record in worker.state.records.values()} != ids for worker in self.workers):
                await asyncio.sleep(0.005)


async def ticks(until: asyncio.Task[Any]) -> int:
    """Return how often the event loop came round until a task was done."""
    count = 0
    while not until.done():
        await asyncio.sleep(0)
        count += 1
    return count


@contextlib.asynccontextmanager
async def node(
    folder: Path, document: Any = None, *, follows: bool = False, keeps: bool = False
) -> AsyncIterator[Node]:
    one = Node(folder, document, keeps=keeps)
    try:
        await one.begin()
        following = asyncio.create_task(one.configuration.follow_store()) if follows else None
        yield one
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    finally:
        await one.configuration.close()


async def write_elsewhere(folder: Path, *writes: Write, base: int = 0) -> None:
    """Write as another node does."""
    stranger = SqliteStore(folder / "store.db")
    await stranger.apply(writes, base=base, author="other", note="")
    await stranger.close()
