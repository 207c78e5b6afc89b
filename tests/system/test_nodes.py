"""Gateways on etcd: what is written through one shows on all, and whatever becomes of etcd, what is served stays right."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from phasegate.testing import FakeUpstream
from tests.admin_client import AdminClient, admin_settings, administering
from tests.etcd import ETCD, Member, etcd_cluster
from tests.process import DEADLINE_SECONDS, Server, children_of, serving, write_conf

pytestmark = pytest.mark.skipif(ETCD is None, reason="install Debian's etcd-server to run gateways on etcd")


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Member]:
    """An etcd of one member."""
    with etcd_cluster(tmp_path / "etcd") as (only,):
        yield only


def conf(folder: Path, members: list[Member], *plugins: str) -> Path:
    """Write the settings of one node; nodes of a test share a key ring, as those of an operator do."""
    folder.mkdir(exist_ok=True)
    store = f"etcd:{','.join(member.url for member in members)}/test"
    return write_conf(
        folder,
        {"routes": []},
        admin=admin_settings(),
        workers=1,
        resources={"store": store},
        secrets={"keyring": "../keyring"},
        plugins=list(plugins),
    )


def route(upstream: FakeUpstream, uri: str) -> dict[str, Any]:
    return {"uri": uri, "upstream": {"nodes": {upstream.address: 1}}}


async def until_served(admin: AdminClient, path: str, status: int = 200) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await admin.statuses(path) != {status}:
            await asyncio.sleep(0.01)


async def until_written(admin: AdminClient, path: str, body: Any) -> None:
    """Write as soon as the store takes it; until then it is away, and nothing else is wrong."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (answer := await admin.ask("PUT", path, body))[0] not in (200, 201):
            assert answer[0] == 503, answer


@pytest.fixture
async def node(tmp_path: Path, member: Member) -> AsyncIterator[tuple[Server, AdminClient]]:
    """A gateway on the etcd."""
    async with serving(conf(tmp_path / "a", [member])) as server, administering(server) as admin:
        yield server, admin


async def test_a_write_on_one_node_shows_on_the_other(
    tmp_path: Path, member: Member, node: tuple[Server, AdminClient], upstream: FakeUpstream
) -> None:
    _, one = node
    async with serving(conf(tmp_path / "b", [member])) as server, administering(server) as two:
        await one.write("PUT", "routes/1", route(upstream, "/one"))
        await until_served(two, "/one")
        await two.write("PUT", "routes/1", route(upstream, "/two"))
        await until_served(one, "/two")
        await one.write("DELETE", "routes/1")
        await until_served(two, "/two", 404)
        assert await one.shown("revisions") == await two.shown("revisions")


async def test_without_etcd_it_serves_on_refuses_writes_and_goes_on_afterwards(
    member: Member, node: tuple[Server, AdminClient], upstream: FakeUpstream
) -> None:
    _, admin = node
    await admin.write("PUT", "routes/1", route(upstream, "/before"))
    member.kill()
    status, answer = await admin.ask("PUT", "routes/1", route(upstream, "/meanwhile"))
    assert (status, "the store is not available" in answer["error_msg"]) == (503, True)
    assert await admin.statuses("/before") == {200}
    assert await admin.statuses("/meanwhile") == {404}
    assert (await admin.get("routes/1"))["value"]["uri"] == "/before"
    member.restart([member])
    await until_written(admin, "routes/1", route(upstream, "/after"))
    assert (await admin.statuses("/after"), await admin.statuses("/before")) == ({200}, {404})


async def test_a_node_starts_without_etcd_and_catches_up(
    tmp_path: Path, member: Member, node: tuple[Server, AdminClient], upstream: FakeUpstream
) -> None:
    _, one = node
    await one.write("PUT", "routes/1", route(upstream, "/old"))
    conf(tmp_path / "b", [member])
    async with serving(tmp_path / "b") as server, administering(server) as two:
        await until_served(two, "/old")
        assert await server.stop() == 0
    await one.write("PUT", "routes/1", route(upstream, "/new"))
    member.kill()
    async with serving(tmp_path / "b") as server, administering(server) as two:
        assert any(line["event"].startswith("store away") for line in server.lines)
        assert await two.statuses("/old") == {200}
        member.restart([member])
        await until_served(two, "/new")
        assert await two.statuses("/old") == {404}
        await until_written(two, "routes/2", route(upstream, "/second"))
        await until_served(one, "/second")


async def test_a_node_that_was_stopped_while_etcd_was_compacted_catches_up(
    tmp_path: Path, member: Member, node: tuple[Server, AdminClient], upstream: FakeUpstream
) -> None:
    server, one = node
    async with serving(conf(tmp_path / "b", [member])) as other, administering(other) as two:
        await two.write("PUT", "routes/1", route(upstream, "/v0"))
        await until_served(one, "/v0")
        for pid in (server.process.pid, *server.workers()):
            os.kill(pid, signal.SIGSTOP)
        for number in range(1, 6):
            await two.write("PUT", "routes/1", route(upstream, f"/v{number}"))
        member.compact()
        for pid in (*children_of(server.process.pid), server.process.pid):
            os.kill(pid, signal.SIGCONT)
        await until_served(one, "/v5")
        assert await one.statuses("/v0") == {404}


async def test_a_clash_with_a_node_s_file_keeps_that_node_at_what_it_served(
    tmp_path: Path, member: Member, node: tuple[Server, AdminClient], upstream: FakeUpstream
) -> None:
    server, one = node
    server.write_routes({"routes": [{"id": "mine", **route(upstream, "/mine")}]})
    await until_served(one, "/mine")
    async with serving(conf(tmp_path / "b", [member])) as other, administering(other) as two:
        await two.write("PUT", "routes/mine", route(upstream, "/theirs"))
        refused = await server.logged("configuration refused")
        assert refused["file"] == "store, revision 1"
        assert await one.statuses("/mine") == {200}
        assert (await one.get("routes"))["total"] == 2
        await one.write("DELETE", "routes/mine")
        assert (await one.get("routes/mine"))["value"]["uri"] == "/mine"
        await two.write("PUT", "routes/other", route(upstream, "/theirs"))
        await until_served(one, "/theirs")


def guarded(upstream: FakeUpstream, uri: str) -> dict[str, Any]:
    return {**route(upstream, uri), "plugins": {"key-auth": {}}}


async def until_known(admin: AdminClient, path: str) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await admin.ask("GET", path))[0] != 200:
            await asyncio.sleep(0.01)


async def test_what_only_another_node_can_serve_is_shown_replaced_and_deleted_here(
    tmp_path: Path, member: Member, node: tuple[Server, AdminClient], upstream: FakeUpstream
) -> None:
    _, one = node
    async with serving(conf(tmp_path / "b", [member], "key-auth")) as other, administering(other) as two:
        await two.write("PUT", "routes/1", guarded(upstream, "/guarded"))
        await until_known(one, "routes/1")
        assert (await one.get("routes"))["total"] == 1
        status, answer = await one.ask("PUT", "routes/2", route(upstream, "/two"))
        assert (status, "routes/1.plugins.key-auth" in answer["error_msg"]) == (400, True)
        await one.write("PUT", "routes/1", route(upstream, "/open"))
        assert await one.statuses("/open") == {200}
        await two.write("PUT", "routes/1", guarded(upstream, "/guarded"))
        await until_known(one, "routes/1")
        writes = [{"kind": "routes", "id": "1", "value": None}]
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await one.write("POST", "changes", {"writes": writes}))["changes"]:
                await asyncio.sleep(0.01)
        await until_served(two, "/guarded", 404)
        assert await one.statuses("/open") == {404}


async def test_a_node_that_can_not_serve_the_store_starts_with_what_it_served_last(
    tmp_path: Path, member: Member, upstream: FakeUpstream
) -> None:
    conf(tmp_path / "a", [member])
    async with (
        serving(conf(tmp_path / "b", [member], "key-auth")) as other,
        administering(other) as two,
    ):
        await two.write("PUT", "routes/1", route(upstream, "/one"))
        async with serving(tmp_path / "a") as server, administering(server) as one:
            await until_served(one, "/one")
            assert await server.stop() == 0
        await two.write("PUT", "routes/1", guarded(upstream, "/guarded"))
        async with serving(tmp_path / "a") as server, administering(server) as one:
            refused = await server.logged("configuration refused")
            assert (refused["file"], refused["path"]) == ("store, revision 2", "routes/1.plugins.key-auth")
            assert await server.logged("serving the last good configuration")
            assert await one.statuses("/one") == {200}
            assert (await one.get("routes/1"))["value"]["uri"] == "/guarded"
            await two.write("PUT", "routes/1", route(upstream, "/two"))
            await until_served(one, "/two")
