"""SIGHUP: workers are replaced one by one, by what gateway.yaml says then, and nobody notices."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from phasegate.testing import FakeUpstream, Reply
from tests.admin_client import admin_settings, administering
from tests.load import Load
from tests.process import Server, is_running, serving, write_conf, write_yaml


def routes(upstream: FakeUpstream, **extra: Any) -> dict[str, Any]:
    return {"routes": [{"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}, **extra}]}


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


async def get(url: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, timeout=10) as client:
        return await client.get(url, **options)


def change_settings(server: Server, **changes: Any) -> None:
    path = server.folder / "gateway.yaml"
    write_yaml(path, {**yaml.safe_load(path.read_text()), **changes})


async def test_every_worker_is_replaced_and_no_request_is_lost(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream), workers=2)) as server:
        before = server.workers()
        async with Load(port_of(server)) as load:
            await load.until(50)
            server.process.send_signal(signal.SIGHUP)
            await server.logged("workers replaced")
            await load.until(50)
        assert not load.failures
        async with asyncio.timeout(10):
            while any(is_running(pid) for pid in before):
                await asyncio.sleep(0.02)
        assert len(server.workers()) == 2


async def test_a_request_that_takes_long_is_finished_by_the_worker_that_began_it(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate, body=b"finished"), Reply(body=b"next"))
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        (old,) = server.workers()
        slow = asyncio.create_task(get(server.url))
        await upstream.arrived()
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers replaced")
        assert (await get(server.url)).text == "next"
        assert is_running(old)
        gate.set()
        response = await slow
        assert (response.text, response.headers["connection"]) == ("finished", "close")


async def test_sigterm_in_the_middle_lets_the_new_worker_finish_too(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        server.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            while len(server.workers()) < 2:
                await asyncio.sleep(0.01)
        # Nobody has anything under way, so that only a worker which was told nothing would take the graceful timeout.
        assert await server.stop() == 0


async def test_plugins_are_enabled_without_a_restart(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        change_settings(server, plugins=["key-auth"], limits={"target_bytes": 20})
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers replaced")
        server.write_routes(routes(upstream, plugins={"key-auth": {}}))
        await server.logged("configuration accepted")
        assert (await get(server.url)).status_code == 401
        assert (await get(f"{server.url}/{'x' * 20}")).status_code == 414


async def test_what_sockets_follow_from_needs_a_restart(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        workers = server.workers()
        change_settings(server, workers=2, plugins=["key-auth"])
        server.process.send_signal(signal.SIGHUP)
        refused = await server.logged("configuration refused")
        assert (refused["path"], refused["detail"]) == ("workers", "has changed: restart the gateway for that")
        assert server.workers() == workers


@pytest.mark.parametrize(
    ("name", "value"), [("keyring", "var/other"), ("env_prefixes", ["OTHER_"]), ("file_roots", ["files"])]
)
async def test_what_reads_and_seals_secrets_needs_a_restart(
    tmp_path: Path, upstream: FakeUpstream, name: str, value: Any
) -> None:
    (tmp_path / "files").mkdir()
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        change_settings(server, secrets={name: value})
        server.process.send_signal(signal.SIGHUP)
        refused = await server.logged("configuration refused")
        assert (refused["path"], refused["detail"]) == (f"secrets.{name}", "has changed: restart the gateway for that")


async def test_a_mistake_in_the_settings_changes_nothing(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        workers = server.workers()
        change_settings(server, limits={"streams": 0})
        server.process.send_signal(signal.SIGHUP)
        refused = await server.logged("configuration refused")
        assert (refused["file"], refused["path"]) == (str(tmp_path / "gateway.yaml"), "limits.streams")
        assert server.workers() == workers
        assert (await get(server.url)).status_code == 200


def with_moody(tmp_path: Path) -> dict[str, str]:
    """Install the moody plugin; return the environment that it needs."""
    library = tmp_path / "lib"
    library.mkdir()
    (library / "phasegate_moody.py").write_text(MOODY)
    metadata = library / "phasegate_moody-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: phasegate-moody\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[phasegate.plugins]\nmoody = phasegate_moody:Moody\n")
    path = os.pathsep.join([str(library), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {"PYTHONPATH": path, "MOOD_FILE": str(tmp_path / "mood")}


async def test_a_new_worker_that_can_not_start_leaves_the_old_ones_alone(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    conf = write_conf(tmp_path, routes(upstream, plugins={"moody": {}}), plugins=["moody"])
    async with serving(conf, with_moody(tmp_path)) as server:
        workers = server.workers()
        (tmp_path / "mood").write_text("bad")
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers not replaced")
        assert server.workers() == workers
        assert (await get(server.url)).status_code == 200
        (tmp_path / "mood").unlink()
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers replaced")


async def test_a_plugin_that_was_broken_on_disk_is_one_clear_error(tmp_path: Path, upstream: FakeUpstream) -> None:
    conf = write_conf(tmp_path, routes(upstream), plugins=["moody"])
    async with serving(conf, with_moody(tmp_path)) as server:
        (tmp_path / "lib" / "phasegate_moody.py").write_text("import nothing_like_that\n")
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers not replaced")
        (refused,) = [line for line in server.lines if line["event"] == "configuration refused"]
        assert (refused["file"], refused["path"]) == (str(tmp_path / "gateway.yaml"), "plugins[0]")
        assert "plugin 'moody' of phasegate-moody can't be imported" in refused["detail"]
        assert b"Traceback" not in server.output
        assert (await get(server.url)).status_code == 200


async def test_the_log_level_is_the_supervisor_s_too(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        change_settings(server, log={"access": "off", "level": "error"})
        server.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            before = server.workers()
            while set(before) & set(server.workers()):
                await asyncio.sleep(0.02)
        server.write_routes({"routes": []})
        async with asyncio.timeout(10):
            while (await get(server.url)).status_code != 404:
                await asyncio.sleep(0.02)
        change_settings(server, log={"access": "off", "level": "info"})
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers replaced")
        events = [line["event"] for line in server.lines]
        assert (events.count("workers replaced"), events.count("configuration accepted")) == (1, 0)


async def test_secrets_are_sealed_after_a_reload_that_failed_as_before_it(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    document = routes(upstream, plugins={"moody": {}})
    conf = write_conf(tmp_path, document, plugins=["moody", "key-auth"], admin=admin_settings())
    async with serving(conf, with_moody(tmp_path)) as server, administering(server) as admin:
        (tmp_path / "mood").write_text("bad")
        change_settings(server, plugins=["moody"])
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers not replaced")
        await admin.write("PUT", "consumers", {"username": "jack", "plugins": {"key-auth": {"key": "plain-at-rest"}}})
        stored = b"".join(file.read_bytes() for file in (tmp_path / "var").iterdir())
        assert b"$sealed:" in stored
        assert b"plain-at-rest" not in stored


async def test_a_mended_file_is_what_workers_begin_with_that_failed_before(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    conf = write_conf(tmp_path, routes(upstream, plugins={"moody": {}}), plugins=["moody"])
    async with serving(conf, with_moody(tmp_path)) as server:
        (tmp_path / "mood").write_text("bad")
        os.kill(server.workers()[0], signal.SIGKILL)
        assert "not today" in (await server.logged("configuration refused"))["detail"]
        server.write_routes(routes(upstream))
        await server.logged("configuration accepted")
        async with asyncio.timeout(20):
            while not await answers(server):
                await asyncio.sleep(0.05)


async def answers(server: Server) -> bool:
    try:
        return (await get(server.url)).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(("name", "setting"), [("keyring", "secrets.keyring"), ("admin-key", "admin.keys")])
async def test_keys_that_can_not_be_read_change_nothing(
    tmp_path: Path, upstream: FakeUpstream, name: str, setting: str
) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        workers = server.workers()
        (tmp_path / "var" / name).chmod(0o644)
        change_settings(server, plugins=["key-auth"])
        server.process.send_signal(signal.SIGHUP)
        refused = await server.logged("configuration refused")
        assert (refused["file"], refused["path"]) == (str(tmp_path / "gateway.yaml"), setting)
        assert f"chmod 600 {tmp_path / 'var' / name}" in refused["detail"]
        assert server.workers() == workers


MOODY = """
import os
from dataclasses import dataclass
from typing import ClassVar
from phasegate import Plugin, hookimpl

@dataclass(kw_only=True)
class Moody(Plugin):
    name: ClassVar[str] = "moody"

    async def open(self, services):
        if os.path.exists(os.environ["MOOD_FILE"]):
            raise OSError("not today")

    @hookimpl
    async def access(self, exchange):
        return None
"""
