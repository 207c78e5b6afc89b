"""Twenty rolling reloads, a change of the routes with each, and not one request lost."""

import signal
from pathlib import Path
from typing import Any

from phasegate.testing import FakeUpstream
from tests.load import Load
from tests.process import Server, serving, write_conf

RELOADS = 20


def routes(upstream: FakeUpstream, number: int) -> dict[str, Any]:
    route = {"id": "all", "uri": "/*", "labels": {"number": str(number)}}
    return {"routes": [{**route, "upstream": {"nodes": {upstream.address: 1}}}]}


async def reload(server: Server, upstream: FakeUpstream, number: int) -> None:
    server.write_routes(routes(upstream, number))
    server.process.send_signal(signal.SIGHUP)
    await server.logged("workers replaced", number)
    await server.logged("configuration accepted", number)


async def test_twenty_rolling_reloads_lose_nothing(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream, 0), workers=2)) as server:
        async with Load(int(server.url.rpartition(":")[2]), lasting=8, fleeting=8) as load:
            for number in range(1, RELOADS + 1):
                await reload(server, upstream, number)
            await load.until(100)
        assert await server.stop() == 0
    assert not load.failures
    assert load.answered > 5_000


async def test_a_restart_under_load_answers_everybody_who_is_connected(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with (
        serving(write_conf(tmp_path, routes(upstream, 0), workers=2)) as server,
        Load(int(server.url.rpartition(":")[2]), lasting=16, fleeting=0) as load,
    ):
        await load.until(500)
        assert await server.stop() == 0
        assert [failure for failure in load.failures if failure.startswith("asking")] == []
