"""A gateway on an etcd of three members, which die one by one and all at once, again and again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from phasegate.testing import FakeUpstream
from tests.admin_client import AdminClient, admin_settings, administering
from tests.etcd import ETCD, Member, etcd_cluster, initial_cluster
from tests.process import DEADLINE_SECONDS, serving, write_conf

pytestmark = pytest.mark.skipif(ETCD is None, reason="install Debian's etcd-server to run gateways on etcd")

ROUNDS = 3


def conf(folder: Path, members: list[Member]) -> Path:
    store = f"etcd:{','.join(member.url for member in members)}/test"
    return write_conf(folder, {"routes": []}, admin=admin_settings(), workers=2, resources={"store": store})


def route(upstream: FakeUpstream, number: int) -> dict[str, Any]:
    return {"uri": f"/v{number}", "upstream": {"nodes": {upstream.address: 1}}}


async def write(admin: AdminClient, upstream: FakeUpstream, number: int) -> None:
    """Write as soon as the store takes it; until then it is away, and nothing else is wrong. Then all serve it."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (answer := await admin.ask("PUT", "routes/1", route(upstream, number)))[0] not in (200, 201):
            assert answer[0] == 503, answer
    assert await admin.statuses(f"/v{number}") == {200}
    assert await admin.statuses(f"/v{number - 1}") == {404}


async def test_one_member_of_three_is_no_loss(tmp_path: Path, upstream: FakeUpstream) -> None:
    with etcd_cluster(tmp_path / "etcd", 3) as members:
        async with serving(conf(tmp_path, members)) as server, administering(server) as admin:
            number = 0
            for _ in range(ROUNDS):
                leader = next(member for member in members if member.leads())
                for ending in (leader.kill, lambda: leader.restart(members)):  # noqa: B023 (called at once)
                    await write(admin, upstream, number := number + 1)
                    ending()
                    assert await admin.statuses(f"/v{number}") == {200}
                    await write(admin, upstream, number := number + 1)
            assert len((await admin.get("revisions"))["list"]) >= number


async def test_with_two_of_three_gone_it_serves_what_it_has(tmp_path: Path, upstream: FakeUpstream) -> None:
    with etcd_cluster(tmp_path / "etcd", 3) as members:
        async with serving(conf(tmp_path, members)) as server, administering(server) as admin:
            await write(admin, upstream, 1)
            for dying in (members[:2], members):
                number = int((await admin.get("routes/1"))["value"]["uri"].removeprefix("/v"))
                for member in dying:
                    member.kill()
                assert (await admin.ask("PUT", "routes/1", route(upstream, 99)))[0] == 503
                assert await admin.statuses(f"/v{number}") == {200}
                for member in dying:
                    member.start(initial_cluster(members))
                for member in dying:
                    member.ready()
                await write(admin, upstream, number + 1)
