"""Proposals, files and other nodes' writes: each change is judged whole, written, served, or nothing happens."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phasegate import Finding
from phasegate.admin.desk import Proposal
from phasegate.errors import ConfigError
from phasegate.references import Reach, References
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.server.configuration import Configuration
from phasegate.server.distribution import Distribution
from phasegate.server.reference_table import ReferenceTable
from phasegate.store.file import FileSource
from phasegate.store.last_good import Kept
from phasegate.store.no_store import NoStore
from phasegate.store.records import Conflict, Contents, Revision, Store, StoreUnavailable, Write
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
    await one.begin()
    following = asyncio.create_task(one.configuration.follow_store()) if follows else None
    yield one
    if following is not None:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await one.configuration.close()


async def write_elsewhere(folder: Path, *writes: Write, base: int = 0) -> None:
    """Write as another node does."""
    stranger = SqliteStore(folder / "store.db")
    await stranger.apply(writes, base=base, author="other", note="")
    await stranger.close()


async def test_a_proposal_is_written_and_served_by_all(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        revision, late = await one.configuration.propose(proposal(upstream("u"), route("r", upstream_id="u")))
        assert (revision.number, revision.author, late) == (1, "tests", [])
        assert one.served() == {"u", "r"}
        contents = await one.store.load()
        assert contents.records == one.workers[0].state.records
        assert contents.revision == one.workers[0].state.revision == 1


async def test_what_is_wrong_is_refused_with_its_path_and_nothing_changes(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        with pytest.raises(ConfigError) as refused:
            await one.configuration.propose(proposal(route("r", upstream_id="gone", tiemout=1)))
        assert [finding.path for finding in refused.value.findings] == ["routes/r.tiemout"]
        assert one.served() == set()
        assert (await one.store.load()).revision == 0


async def test_what_another_resource_needs_can_not_be_taken_away(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        await one.configuration.propose(proposal(upstream("u"), route("r", upstream_id="u")))
        with pytest.raises(ConfigError, match="there is no upstream 'u'"):
            await one.configuration.propose(proposal(Write("upstreams", "u", None)))
        assert one.served() == {"u", "r"}


async def test_a_record_that_changed_since_is_a_conflict(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        await one.configuration.propose(proposal(upstream("u")))
        await one.configuration.propose(proposal(upstream("u", 1981), expected={("upstreams", "u"): 1}))
        with pytest.raises(Conflict):
            await one.configuration.propose(proposal(upstream("u", 1982), expected={("upstreams", "u"): 1}))
        with pytest.raises(Conflict):
            await one.configuration.propose(proposal(upstream("u", 1982), expected={("upstreams", "u"): None}))


async def test_a_dry_run_judges_and_writes_nothing(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        revision, _ = await one.configuration.propose(proposal(upstream("u"), dry_run=True))
        assert revision.changes[0].after is not None
        with pytest.raises(ConfigError):
            await one.configuration.propose(proposal(route("r", upstream_id="gone"), dry_run=True))
        assert one.served() == set()
        assert (await one.store.load()).revision == 0


async def test_what_a_worker_refuses_is_not_written(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        one.workers[1].refuses = Finding("routes/r.plugins.x", "can't be opened")
        with pytest.raises(ConfigError, match="can't be opened"):
            await one.configuration.propose(proposal(upstream("u")))
        assert (await one.store.load()).revision == 0
        assert one.served() == set()


async def test_what_workers_do_not_prepare_in_time_is_no_mistake_of_who_proposes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.server.rollout._PREPARE_SECONDS", 0.05)
    async with node(tmp_path) as one:
        one.workers[0].is_mute = one.workers[1].is_mute = True
        with pytest.raises(StoreUnavailable, match="not prepared"):
            await one.configuration.propose(proposal(upstream("u")))
        assert (await one.store.load()).revision == 0


async def test_another_node_serves_it_too(tmp_path: Path) -> None:
    async with node(tmp_path, follows=True) as one, node(tmp_path, follows=True) as other:
        await one.configuration.propose(proposal(upstream("u")))
        await other.until_served({"u"})
        await other.configuration.propose(proposal(Write("upstreams", "u", None), upstream("v")))
        await one.until_served({"v"})


async def test_two_nodes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    async with node(tmp_path, follows=True) as one, node(tmp_path, follows=True) as other:
        proposals = [
            each.configuration.propose(proposal(upstream(f"{name}{number}")))
            for number in range(10)
            for name, each in (("a", one), ("b", other))
        ]
        numbers = [revision.number for revision, _ in await asyncio.gather(*proposals)]
        assert sorted(numbers) == list(range(1, 21))
        every = {f"{name}{number}" for name in "ab" for number in range(10)}
        await one.until_served(every)
        await other.until_served(every)


async def test_what_another_node_wrote_and_this_one_can_not_serve_is_told_and_can_be_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with node(tmp_path, follows=True) as one:
        await one.configuration.propose(proposal(upstream("u")))
        stranger = SqliteStore(tmp_path / "store.db")
        with caplog.at_level(logging.ERROR):
            await stranger.apply([route("r", plugins={"unheard-of": {}})], base=1, author="other", note="")
            async with asyncio.timeout(10):
                while not [line for line in caplog.records if line.message == "configuration refused"]:
                    await asyncio.sleep(0.005)
        await stranger.close()
        await one.until_known({"u", "r"})
        assert one.served() == {"u"}
        with pytest.raises(ConfigError, match="unheard-of"):
            await one.configuration.propose(proposal(upstream("v")))
        mended = proposal(Write("routes", "r", None), expected={("routes", "r"): 2})
        revision, _ = await one.configuration.propose(mended)
        assert revision.number == 3
        assert one.served() == one.known() == {"u"}


async def test_a_worker_that_begins_knows_what_the_store_holds_and_is_not_served(tmp_path: Path) -> None:
    async with node(tmp_path, follows=True) as one:
        await write_elsewhere(tmp_path, route("r", plugins={"unheard-of": {}}))
        await one.until_known({"r"})
        one.workers[0].start()
        assert (one.served(), one.known()) == (set(), {"r"})


async def test_what_a_file_that_changes_leaves_unserved_stays_known(tmp_path: Path) -> None:
    async with node(tmp_path, follows=True) as one:
        await write_elsewhere(tmp_path, route("r", plugins={"unheard-of": {}}))
        await one.until_known({"r"})
        one.write_file({"upstreams": [{"id": "more", **NODES}]})
        await one.configuration.reread()
        assert len(one.workers[0].state.document["upstreams"]) == 1
        assert (one.served(), one.known()) == (set(), {"r"})


async def test_another_node_s_write_that_mends_the_store_brings_this_one_up_to_date(tmp_path: Path) -> None:
    async with node(tmp_path, follows=True) as one:
        await write_elsewhere(tmp_path, upstream("u"), route("r", plugins={"unheard-of": {}}))
        await one.until_known({"u", "r"})
        await write_elsewhere(tmp_path, Write("routes", "r", None), base=1)
        await one.until_served({"u"})
        assert one.known() == {"u"}


async def test_what_the_file_kept_from_being_served_is_served_once_the_file_allows_it(tmp_path: Path) -> None:
    async with node(tmp_path, {"upstreams": [{"id": "u", **NODES}]}, follows=True) as one:
        stranger = SqliteStore(tmp_path / "store.db")
        await stranger.apply([upstream("u"), upstream("v")], base=0, author="other", note="")
        await stranger.close()
        await one.until_stored(1)
        assert one.served() == set()
        one.write_file({"upstreams": [{"id": "u", **NODES}, {"id": "more", **NODES}]})
        await one.configuration.reread()
        assert (len(one.workers[0].state.document["upstreams"]), one.served()) == (2, set())
        one.write_file({"upstreams": [{"id": "more", **NODES}]})
        await one.configuration.reread()
        assert (len(one.workers[0].state.document["upstreams"]), one.served()) == (1, {"u", "v"})


async def test_contents_that_were_read_before_a_proposal_take_nothing_back(tmp_path: Path) -> None:
    async with node(tmp_path, follows=False) as one:
        await one.configuration.propose(proposal(upstream("u")))
        early = await one.store.load()
        await one.configuration.propose(proposal(upstream("v")))
        one.store.watch = lambda after: only(early)  # type: ignore[method-assign]
        await one.configuration.follow_store()
        assert one.served() == {"u", "v"}


async def only(contents: Contents) -> AsyncIterator[Revision | Contents]:
    yield contents


async def test_the_file_and_the_store_are_served_together(tmp_path: Path) -> None:
    async with node(tmp_path, {"upstreams": [{"id": "file", **NODES}]}) as one:
        await one.configuration.propose(proposal(route("r", upstream_id="file")))
        one.write_file({"upstreams": [{"id": "file", **NODES}, {"id": "more", **NODES}]})
        await one.configuration.reread()
        assert len(one.workers[0].state.document["upstreams"]) == 2
        assert one.served() == {"r"}


@pytest.mark.parametrize("document", [{"routes": [{"id": "r", "uri": "/file"}]}, {"upstreams": []}])
async def test_a_file_that_clashes_with_the_store_is_refused(
    tmp_path: Path, document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with node(tmp_path, {"upstreams": [{"id": "file", **NODES}]}) as one:
        await one.configuration.propose(proposal(route("r", upstream_id="file")))
        one.write_file(document)
        with caplog.at_level(logging.ERROR):
            await one.configuration.reread()
        assert "configuration refused" in caplog.text
        assert len(one.workers[0].state.document["upstreams"]) == 1


async def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    one = Node(tmp_path)
    configuration = Configuration(
        Schemas(Registry(())), FileSource(one.file), NoStore(), references(tmp_path), one.distribution
    )
    await configuration.begin()
    with pytest.raises(StoreUnavailable, match=r"resources\.store"):
        await configuration.propose(proposal(upstream("u")))
    await one.store.close()


async def test_references_are_resolved_for_the_workers_and_stay_as_written(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        await one.configuration.propose(proposal(route("r", name="$env://PHASEGATE_PORT", upstream=NODES)))
        state = one.workers[0].state
        assert state.references == {"$env://PHASEGATE_PORT": "1999"}
        assert state.records["routes", "r"].value["name"] == "$env://PHASEGATE_PORT"


async def test_a_reference_to_nothing_is_refused_with_its_place(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        with pytest.raises(ConfigError) as refused:
            await one.configuration.propose(proposal(route("r", name="$env://PHASEGATE_GONE", upstream=NODES)))
        assert [finding.path for finding in refused.value.findings] == ["routes/r.name"]
        with pytest.raises(ConfigError, match="HOME"):
            await one.configuration.propose(proposal(route("r", name="$env://HOME", upstream=NODES)))
        assert one.served() == set()


@contextlib.asynccontextmanager
async def starting_behind(folder: Path, document: Any = None, *broken: Write) -> AsyncIterator[Node]:
    """Start a node that has served upstream u, on a store to which another node added what this one can't serve."""
    async with node(folder, follows=True, keeps=True) as one:
        await one.configuration.propose(proposal(upstream("u")))
        await asyncio.to_thread(until_kept, folder / "last-good.json", 1)
    await write_elsewhere(folder, *(broken or (route("r", plugins={"unheard-of": {}}),)), base=1)
    async with node(folder, document, follows=True, keeps=True) as one:
        yield one


def until_kept(path: Path, revision: int) -> None:
    """Wait until the last good copy is that of a revision."""
    deadline = time.monotonic() + 10
    while not path.exists() or json.loads(path.read_bytes())["revision"] != revision:
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_a_start_with_what_can_not_be_served_falls_back_to_what_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [route("r", plugins={"unheard-of": {}}), route("s", nonsense=1)]
    async with starting_behind(tmp_path, None, *broken) as one:
        assert (one.served(), one.known()) == ({"u"}, {"u", "r", "s"})
        refused = [vars(line) for line in caplog.records if line.message == "configuration refused"]
        assert {(line["file"], line["path"]) for line in refused} == {
            ("store, revision 2", "routes/r.plugins.unheard-of"),
            ("store, revision 2", "routes/s.nonsense"),
        }
        assert "serving the last good configuration" in caplog.messages


async def test_a_node_that_fell_back_follows_the_store(tmp_path: Path) -> None:
    async with starting_behind(tmp_path) as one:
        await write_elsewhere(tmp_path, Write("routes", "r", None), upstream("v"), base=2)
        await one.until_served({"u", "v"})


async def test_a_write_brings_a_node_that_fell_back_up_to_date(tmp_path: Path) -> None:
    async with starting_behind(tmp_path) as one:
        mended = proposal(route("r", upstream_id="u"), expected={("routes", "r"): 2})
        assert (await one.configuration.propose(mended))[0].number == 3
        assert one.served() == one.known() == {"u", "r"}


async def test_many_resources_are_judged_first_where_there_is_something_to_fall_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.server.configuration._JUDGED_FIRST", 0)
    async with starting_behind(tmp_path) as one:
        assert one.served() == {"u"}


async def test_without_a_last_good_copy_such_a_start_is_refused(tmp_path: Path) -> None:
    await write_elsewhere(tmp_path, route("r", plugins={"unheard-of": {}}))
    one = Node(tmp_path, keeps=True)
    with pytest.raises(ConfigError, match="unheard-of"):
        await one.begin()
    await one.configuration.close()


async def test_a_last_good_copy_that_the_file_forbids_is_no_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unheard-of"):
        async with starting_behind(tmp_path, {"upstreams": [{"id": "u", **NODES}]}):
            pass


async def test_what_was_not_served_is_not_kept(tmp_path: Path) -> None:
    copy = tmp_path / "last-good.json"
    async with starting_behind(tmp_path) as one:
        assert json.loads(copy.read_bytes())["revision"] == 1
        await write_elsewhere(tmp_path, route("s", plugins={"unheard-of": {}}), base=2)
        await one.until_known({"u", "r", "s"})
        await write_elsewhere(tmp_path, Write("routes", "r", None), Write("routes", "s", None), base=3)
        await one.until_served({"u"})
        await asyncio.to_thread(until_kept, copy, 4)


async def test_a_copy_is_never_of_what_was_not_served(tmp_path: Path) -> None:
    copy = tmp_path / "last-good.json"
    async with node(tmp_path, follows=True, keeps=True) as one:
        await one.configuration.propose(proposal(upstream("u")))
        await asyncio.to_thread(until_kept, copy, 1)
        await write_elsewhere(tmp_path, route("r", plugins={"unheard-of": {}}), base=1)
        await one.until_known({"u", "r"})
        await write_elsewhere(tmp_path, upstream("v"), base=2)
        await one.until_known({"u", "r", "v"})
    # Closing finishes the file.
    assert json.loads(copy.read_bytes())["revision"] == 1


async def test_a_large_change_is_judged_in_slices(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        writes = [upstream(f"u{number}") for number in range(2000)]
        proposing = asyncio.create_task(one.configuration.propose(proposal(*writes, dry_run=True)))
        assert await ticks(proposing) > 20
        assert (await proposing)[0].number == 1
