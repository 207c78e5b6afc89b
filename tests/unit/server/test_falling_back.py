"""Starts with what can't be served: the last good copy holds until the store can be served again."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phasegate.errors import ConfigError
from phasegate.store.records import Write
from tests.configured_node import NODES, Node, node, proposal, route, upstream, write_elsewhere

pytestmark = pytest.mark.long


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
