"""Proposals, files and other nodes' writes: each change is judged whole, written, served, or nothing happens."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phasegate import Finding
from phasegate.errors import ConfigError
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.server.configuration import Configuration
from phasegate.store.file import FileSource
from phasegate.store.no_store import NoStore
from phasegate.store.records import Conflict, Contents, Revision, StoreUnavailable, Write
from phasegate.store.sqlite import SqliteStore
from tests.configured_node import NODES, Node, node, proposal, references, route, ticks, upstream, write_elsewhere


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


async def test_a_large_change_is_judged_in_slices(tmp_path: Path) -> None:
    async with node(tmp_path) as one:
        writes = [upstream(f"u{number}") for number in range(2000)]
        proposing = asyncio.create_task(one.configuration.propose(proposal(*writes, dry_run=True)))
        assert await ticks(proposing) > 20
        assert (await proposing)[0].number == 1
