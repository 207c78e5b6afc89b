"""What the Admin API acknowledges is served by every worker, shown by every worker, and there after a restart."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from phasegate.testing import FakeUpstream
from tests.admin_client import admin_settings, administering
from tests.process import serving, write_conf


def conf(folder: Path, **more: Any) -> Path:
    return write_conf(folder, {"routes": []}, admin=admin_settings(), workers=2, plugins=["key-auth"], **more)


def route(upstream: FakeUpstream, uri: str, **more: Any) -> dict[str, Any]:
    return {"uri": uri, "upstream": {"nodes": {upstream.address: 1}}, **more}


@pytest.mark.parametrize("query", ["", "?wait=all"])
async def test_every_worker_serves_what_is_acknowledged(tmp_path: Path, upstream: FakeUpstream, query: str) -> None:
    async with serving(conf(tmp_path)) as server, administering(server) as admin:
        for number in range(5):
            await admin.write("PUT", f"routes/1{query}", route(upstream, f"/put{number}"))
            assert await admin.statuses(f"/put{number}") == {200}
            await admin.write("PATCH", f"routes/1{query}", {"uri": f"/patched{number}"})
            assert await admin.statuses(f"/put{number}") == {404}
            assert await admin.statuses(f"/patched{number}") == {200}
            await admin.write("DELETE", f"routes/1{query}")
            assert await admin.statuses(f"/patched{number}") == {404}


async def test_every_worker_shows_what_is_acknowledged(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path)) as server, administering(server) as admin:
        for number in range(5):
            await admin.write("PUT", "routes/1", route(upstream, f"/put{number}"))
            ((status, shown),) = await admin.shown("routes/1")
            assert (status, shown["value"]["uri"]) == (200, f"/put{number}")
        await admin.write("DELETE", "routes/1")
        assert await admin.shown("routes/1") == [(404, {"message": "Key not found"})]


async def test_many_write_at_the_same_time_and_nothing_is_lost(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path)) as server, administering(server) as admin:
        paths = [f"routes/{number % 16}" for number in range(48)]
        await asyncio.gather(*(admin.write("PUT", path, route(upstream, f"/{path}")) for path in paths))
        await asyncio.gather(*(admin.write("POST", "routes", route(upstream, "/posted")) for _ in range(16)))
        ((_, shown),) = await admin.shown("routes")
        assert shown["total"] == 32
        assert await admin.revision() == 64


@pytest.mark.parametrize("protocol", ["native", "hypercorn"])
async def test_a_restart_keeps_everything(tmp_path: Path, upstream: FakeUpstream, protocol: str) -> None:
    conf(tmp_path, server={"protocol": protocol})
    kinds = ("routes", "upstreams", "consumers", "revisions")
    async with serving(tmp_path) as server, administering(server) as admin:
        await admin.write("PUT", "upstreams/u", {"nodes": {upstream.address: 1}})
        await admin.write("PUT", "routes/r", {"uri": "/kept", "plugins": {"key-auth": {}}, "upstream_id": "u"})
        await admin.write("PUT", "consumers", {"username": "jack", "plugins": {"key-auth": {"key": "jacks-key"}}})
        await admin.write("PUT", "routes/gone", route(upstream, "/gone"))
        await admin.write("DELETE", "routes/gone")
        before = [await admin.get(kind) for kind in kinds]
        assert await server.stop() == 0
    async with serving(tmp_path) as server, administering(server) as admin:
        assert [await admin.get(kind) for kind in kinds] == before
        assert await admin.statuses("/kept") == {401}
        assert await admin.statuses("/gone") == {404}


async def test_writes_go_on_while_workers_are_replaced(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path)) as server, administering(server) as admin:
        replaced = asyncio.create_task(server.logged("workers replaced"))
        server.process.send_signal(signal.SIGHUP)
        number = 0
        while not replaced.done() or number < 20:
            number += 1
            await admin.write("PUT", "routes/1", route(upstream, f"/v{number}"))
            assert await admin.statuses(f"/v{number}") == {200}
            assert await admin.statuses(f"/v{number - 1}") == {404}
        await replaced
        assert await admin.revision() == number


async def test_the_admin_api_may_share_the_gateway_s_port(tmp_path: Path, upstream: FakeUpstream) -> None:
    admin_at = admin_settings()
    folder = write_conf(tmp_path, {"routes": []}, admin=admin_at, listen=[{"address": admin_at["address"]}], workers=2)
    async with serving(folder) as server, administering(server) as admin:
        assert server.admin_url == server.url
        await admin.write("PUT", "routes/1", route(upstream, "/shared"))
        assert await admin.statuses("/shared") == {200}
        assert await admin.statuses("/apisix/admin/routes") == {401}
        assert [request.target for request in upstream.received] == ["/shared"] * 8


async def test_a_consumer_that_goes_while_it_gets_credentials_leaves_none(tmp_path: Path) -> None:
    async with serving(conf(tmp_path)) as server, administering(server) as admin:
        for number in range(10):
            await admin.write("PUT", "consumers", {"username": "jack"})
            asked = [
                admin.ask(
                    "PUT",
                    f"consumers/jack/credentials/c{index}",
                    {"plugins": {"key-auth": {"key": f"key-{number}-{index}"}}},
                )
                for index in range(8)
            ]
            answers = await asyncio.gather(*asked[:4], admin.ask("DELETE", "consumers/jack"), *asked[4:])
            assert {status for status, _ in answers} <= {200, 201, 404, 409}, answers
            assert answers[4][0] in (200, 409), answers
            if answers[4][0] == 409:
                await admin.write("DELETE", "consumers/jack")
            assert await admin.shown("consumers") == [(200, {"list": [], "total": 0})]
            assert (await admin.get("changes"))["list"] == []
