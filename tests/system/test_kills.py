"""Processes that are killed amid writes: what was acknowledged is there, and what is served stays right."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp

from phasegate.testing import FakeUpstream, Reply
from tests.admin_client import AdminClient, admin_settings, administering
from tests.process import free_port, is_running, serving, write_conf

ROUNDS = 2


def conf(folder: Path) -> Path:
    return write_conf(folder, {"routes": []}, admin=admin_settings(), workers=2)


def route(upstream: FakeUpstream, number: int) -> dict[str, Any]:
    return {"uri": f"/v{number}", "upstream": {"nodes": {upstream.address: 1}}}


class Writer:
    """Writes one version of a route after another, and knows the last one that was acknowledged."""

    def __init__(self, admin: AdminClient, upstream: FakeUpstream, number: int = 0) -> None:
        self._admin = admin
        self._upstream = upstream
        self.tried = self.acknowledged = number
        self.sending = asyncio.Event()

    async def write(self) -> bool:
        """Write the next version; tell whether it was acknowledged."""
        self.tried += 1
        self.sending.set()
        try:
            status, answer = await self._admin.ask("PUT", "routes/1", route(self._upstream, self.tried))
        except aiohttp.ClientError:
            return False
        assert status in (200, 201) or "the gateway ends" in answer["error_msg"]
        if status == 503:
            return False
        self.acknowledged = self.tried
        return True

    async def until_broken(self) -> None:
        """Write until a write breaks off."""
        while await self.write():
            pass


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(20):
        while any(is_running(pid) for pid in pids):
            await asyncio.sleep(0.01)


async def test_a_killed_worker_costs_no_acknowledged_write(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path)) as server, administering(server) as admin:
        writer = Writer(admin, upstream)
        for count in range(1, ROUNDS + 1):
            await writer.write()
            writer.sending.clear()
            writing = asyncio.create_task(writer.write())
            await writer.sending.wait()
            os.kill(server.workers()[0], signal.SIGKILL)
            await writing
            await server.logged("worker died", count)
            while not await writer.write():
                pass
            assert await admin.statuses(f"/v{writer.acknowledged}") == {200}
            assert await admin.statuses(f"/v{writer.acknowledged - 1}") == {404}
        assert await server.stop() == 0


async def test_a_killed_supervisor_leaves_what_it_acknowledged(tmp_path: Path, upstream: FakeUpstream) -> None:
    conf(tmp_path)
    acknowledged = tried = 0
    for round_ in range(ROUNDS + 1):
        async with serving(tmp_path) as server, administering(server) as admin:
            if round_:
                number = int((await admin.get("routes/1"))["value"]["uri"].removeprefix("/v"))
                assert acknowledged <= number <= tried
                assert await admin.statuses(f"/v{number}") == {200}
            writer = Writer(admin, upstream, tried)
            for _ in range(3):
                assert await writer.write()
            writing = asyncio.create_task(writer.until_broken())
            workers = server.workers()
            server.process.kill()
            await writing
            await until_gone(workers)
            acknowledged, tried = writer.acknowledged, writer.tried


async def test_a_gateway_starts_beside_workers_that_still_finish_after_their_supervisor_was_killed(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    address = f"127.0.0.1:{free_port()}"
    folder = write_conf(tmp_path, {"routes": []}, admin=admin_settings(), listen=[{"address": address}])
    async with serving(folder) as server, administering(server) as admin:
        await admin.write("PUT", "routes/1", route(upstream, 1))
        upstream.reply(Reply(wait=gate), Reply())
        slow = asyncio.create_task(admin.statuses("/v1"))
        await upstream.arrived()
        workers = server.workers()
        server.process.kill()
        async with serving(folder) as other, administering(other) as latter:
            assert await latter.statuses("/v1") == {200}
            assert any(is_running(pid) for pid in workers)
            gate.set()
            assert await slow == {200}
            await until_gone(workers)
