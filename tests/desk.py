"""A desk of the tests' own, in memory: it judges by building snapshots and serves by a real gateway, as a node does."""

import asyncio
import contextlib
import functools
import socket
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import httpx

from phasegate import Plugin
from phasegate.admin import Admin, Explaining
from phasegate.admin.desk import NotEverywhere, Proposal, View
from phasegate.explain.kept import Recent
from phasegate.explain.live import Live
from phasegate.explain.tokens import Tokens
from phasegate.gateway import Gateway
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.secret import Secret
from phasegate.server.serving import Protocol, Site, serve
from phasegate.server.sockets import BACKLOG
from phasegate.settings import AdminKey, AdminSettings
from phasegate.store.changes import summary_of
from phasegate.store.packing import pack
from phasegate.store.records import Change, Conflict, Key, Record, Revision, StoreUnavailable, Summary, Write

ADMIN_KEY = "an-admin-key-of-the-tests"
VIEWER_KEY = "a-viewer-key-of-the-tests"
KEYS = (AdminKey("ops", Secret(ADMIN_KEY), "admin"), AdminKey("eyes", Secret(VIEWER_KEY), "viewer"))
FILE = "/conf/routes.yaml"


class MemoryDesk:
    """Holds records in memory, and swaps the gateway's snapshot for each accepted change."""

    def __init__(self, gateway: Gateway, document: Mapping[str, Any]) -> None:
        self._gateway = gateway
        self._lock = asyncio.Lock()
        self._history: list[Revision] = []
        self.view = View(document, {}, 0, FILE)
        self.proposals: list[tuple[Proposal, bool]] = []
        """What was proposed, and whether for every worker."""
        self.conflicts = 0
        """How many proposals are still to meet a conflict."""
        self.meanwhile: list[Proposal] = []
        """What others change just before the next proposal, one change each time."""
        self.late: list[int] = []
        """Which workers are late to serve what was proposed for all."""
        self.available = True

    async def propose(self, proposal: Proposal, *, everywhere: bool = False) -> Revision:
        """Make a change."""
        self.proposals.append((proposal, everywhere))
        if self.meanwhile:
            await self.propose(self.meanwhile.pop(0))
        async with self._lock:
            self._judge(proposal)
            revision, records = self._applied(proposal)
            candidate = await self._gateway.prepare(self.view.document, records)
            if proposal.dry_run:
                await candidate.close()
                return revision
            self._gateway.swap(candidate)
            self._history.append(revision)
            self.view = View(self.view.document, records, revision.number, FILE)
        if everywhere and self.late:
            raise NotEverywhere(revision, self.late)
        return revision

    async def revisions(self, *, before: int | None = None, limit: int = 50) -> list[Revision]:
        """Return the newest revisions."""
        self._judge_store()
        kept = [revision for revision in reversed(self._history) if before is None or revision.number < before]
        return kept[:limit]

    def hear_of(self, *writes: Write) -> None:
        """Have the store hold what another node wrote, and serve nothing of it."""
        revision, records = self._applied(Proposal(writes, {}, "another", ""))
        self._history.append(revision)
        self.view = View(self.view.document, records, revision.number, FILE)

    async def packed_revision(self, number: int) -> bytes | None:
        """Return one revision packed."""
        return next((pack(found) for found in await self.revisions() if found.number == number), None)

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the summaries of the newest revisions."""
        return [summary_of(revision) for revision in await self.revisions(before=before, limit=limit)]

    def forget(self, count: int) -> None:
        """Keep the newest revisions alone, as a store does that is cleaned up."""
        del self._history[:-count]

    def _judge_store(self) -> None:
        if not self.available:
            raise StoreUnavailable("it was switched off by the test")

    def _judge(self, proposal: Proposal) -> None:
        self._judge_store()
        found = {key: record.modified for key, record in self.view.records.items()}
        moved = proposal.base not in (None, self.view.revision)
        if moved or any(found.get(key) != modified for key, modified in proposal.expected.items()):
            raise Conflict("a record is not as expected")
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("the test wants one")

    def _applied(self, proposal: Proposal) -> tuple[Revision, dict[Key, Record]]:
        number = self.view.revision + 1
        records = dict(self.view.records)
        changes = []
        for write in proposal.writes:
            before = records.pop(write.key, None)
            after = _record(write, before, number)
            if after is not None:
                records[write.key] = after
            changes.append(Change(before, after))
        return Revision(number, time.time(), proposal.author, proposal.note, tuple(changes)), records


def _record(write: Write, before: Record | None, number: int) -> Record | None:
    if write.value is None:
        return None
    return Record(write.kind, write.id, write.value, before.created if before else number, number)


class Node:
    """A gateway with its Admin API, each on a port of its own, and clients of both."""

    def __init__(self, desk: MemoryDesk, gateway_port: int, admin_port: int) -> None:
        self.desk = desk
        self.url = f"http://127.0.0.1:{gateway_port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        self.admin = self._client(ADMIN_KEY)
        self.viewer = self._client(VIEWER_KEY)
        self.stranger = self._client(None)
        self.client = httpx.AsyncClient(base_url=self.url, timeout=10)

    async def close(self) -> None:
        """Close the clients."""
        for client in (self.admin, self.viewer, self.stranger, self.client):
            await client.aclose()

    def _client(self, key: str | None) -> httpx.AsyncClient:
        headers = {"x-api-key": key} if key else {}
        return httpx.AsyncClient(base_url=f"{self.admin_url}/apisix/admin", headers=headers, timeout=10)


@functools.cache
def _bundled(*, native: bool) -> Schemas:
    return Schemas(Registry.load(["key-auth", "aws-lambda"]), native=native)


@contextlib.asynccontextmanager
async def running_node(
    document: Mapping[str, Any] | None = None,
    plugins: Iterable[type[Plugin]] | None = None,
    settings: AdminSettings | None = None,
    keys: tuple[AdminKey, ...] = KEYS,
    protocol: Protocol = "native",
) -> AsyncIterator[Node]:
    """Run a node for the length of a block, on a file's document, with the bundled plugins unless others are given."""
    native = protocol == "native"
    schemas = _bundled(native=native) if plugins is None else Schemas(Registry(plugins), native=native)
    live = Live(Tokens(b"a key of the tests"), Recent())
    gateway = Gateway(schemas, live=live)
    gateway.swap(await gateway.prepare(document or {}))
    desk = MemoryDesk(gateway, document or {})
    admin = Admin(desk, schemas, keys, settings or AdminSettings(), explaining=Explaining(gateway, live))
    socks = [socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for _ in range(2)]
    ports = [sock.getsockname()[1] for sock in socks]
    stopping = asyncio.Event()
    sites = [Site(socks[0], gateway), Site(socks[1], admin)]
    serving = asyncio.create_task(serve(sites, stopping=stopping, protocol=protocol, graceful_timeout=1.0))
    node = Node(desk, ports[0], ports[1])
    try:
        yield node
    finally:
        await node.close()
        stopping.set()
        await serving
        await gateway.close()
