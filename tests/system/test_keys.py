"""The admin key that is made, secrets in the store, and values that stand elsewhere: seen where they are used, and nowhere else."""

import asyncio
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from phasegate.sealing.keyring import KeyRing
from phasegate.testing import FakeUpstream
from tests.admin_client import KEY, AdminClient, admin_settings, administering
from tests.process import DEADLINE_SECONDS, Server, free_port, run_command, serving, write_conf, write_yaml

SECRET = "a-s3cret-of-the-function"
LATER = "an0ther-secret-of-the-function"


def conf(folder: Path, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    settings = {"admin": admin_settings(), "plugins": ["aws-lambda"], "log": {"level": "debug", "access": "stderr"}}
    return write_conf(folder, {"routes": []}, **(settings | more))


def function(upstream: FakeUpstream, uri: str, key: str) -> dict[str, Any]:
    config = {"function_uri": f"{upstream.url}/fn", "authorization": {"apikey": key}}
    return {"uri": uri, "plugins": {"aws-lambda": config}}


async def sent(admin: AdminClient, upstream: FakeUpstream, path: str) -> str | None:
    """Return the API key that the function gets when a path is asked for."""
    assert await admin.statuses(path) == {200}
    return upstream.received[-1].get("x-api-key")


def kept(folder: Path) -> bytes:
    """Return all that the folder keeps, beside the key ring."""
    return b"".join(path.read_bytes() for path in sorted((folder / "var").iterdir()) if path.name != "keyring")


def key_ids(folder: Path) -> tuple[str, ...]:
    return KeyRing(folder / "var" / "keyring").ids


async def test_the_key_that_is_made_lets_its_owner_in_and_is_never_logged(tmp_path: Path) -> None:
    conf(tmp_path, admin={"address": f"127.0.0.1:{free_port()}"})
    async with serving(tmp_path) as server:
        file = tmp_path / "var" / "admin-key"
        key = file.read_text().strip()
        assert file.stat().st_mode & 0o777 == 0o600
        async with administering(server, key) as admin:
            await admin.write("PUT", "upstreams/u", {"nodes": {"127.0.0.1:1": 1}})
        async with administering(server, f"{key}x") as stranger:
            assert (await stranger.ask("GET", "upstreams/u"))[0] == 401
        assert (await run_command("admin-key", "--conf", str(tmp_path)))[1].split()[-1] == key
        assert await server.stop() == 0
        assert key.encode() not in server.output
        assert key.encode() not in kept(tmp_path).replace(file.read_bytes(), b"")


async def test_keys_are_changed_without_a_restart(tmp_path: Path) -> None:
    conf(tmp_path)
    async with serving(tmp_path) as server, administering(server) as former:
        path = tmp_path / "gateway.yaml"
        write_yaml(path, path.read_text().replace(KEY, "another-key-for-these-tests"))
        server.process.send_signal(signal.SIGHUP)
        await server.logged("workers replaced")
        async with administering(server, "another-key-for-these-tests") as latter:
            # Workers that are leaving may still take a connection or two.
            async with asyncio.timeout(DEADLINE_SECONDS):
                while (await latter.ask("PUT", "upstreams/u", {"nodes": {"127.0.0.1:1": 1}}))[0] == 401:
                    pass
                while {status for status, _ in await former.shown("upstreams/u")} != {401}:
                    pass


async def test_a_secret_is_sealed_on_disk_and_open_where_it_is_used(tmp_path: Path, upstream: FakeUpstream) -> None:
    conf(tmp_path)
    async with serving(tmp_path) as server, administering(server) as admin:
        answer = await admin.write("PUT", "routes/1", function(upstream, "/fn", SECRET))
        assert SECRET not in str(answer)
        assert await sent(admin, upstream, "/fn") == SECRET
        assert SECRET.encode() not in kept(tmp_path)
        assert f"$sealed:{key_ids(tmp_path)[0]}:".encode() in kept(tmp_path)
        assert await server.stop() == 0
        assert SECRET.encode() not in server.output
    async with serving(tmp_path) as server, administering(server) as admin:
        assert await sent(admin, upstream, "/fn") == SECRET


async def test_the_key_ring_is_rotated_while_it_runs(tmp_path: Path, upstream: FakeUpstream) -> None:
    conf(tmp_path)
    async with serving(tmp_path) as server, administering(server) as admin:
        await admin.write("PUT", "routes/old", function(upstream, "/old", SECRET))
        await rotate(server)
        await admin.write("PUT", "routes/new", function(upstream, "/new", LATER))
        new, old = key_ids(tmp_path)
        assert all(f"$sealed:{key}:".encode() in kept(tmp_path) for key in (new, old))
        assert await server.stop() == 0
    async with serving(tmp_path) as server, administering(server) as admin:
        assert await sent(admin, upstream, "/old") == SECRET
        assert await sent(admin, upstream, "/new") == LATER
    assert not {secret for secret in (SECRET, LATER) if secret.encode() in kept(tmp_path)}


async def rotate(server: Server) -> None:
    code, _, errors = await run_command("keyring", "rotate", "--conf", str(server.folder))
    assert (code, errors) == (0, "")
    server.process.send_signal(signal.SIGHUP)
    await server.logged("workers replaced")


@pytest.mark.parametrize("ring", ["none", "another"])
async def test_a_node_without_the_store_s_key_does_not_start(tmp_path: Path, upstream: FakeUpstream, ring: str) -> None:
    one, two = conf(tmp_path / "one"), conf(tmp_path / "two")
    async with serving(one) as server, administering(server) as admin:
        await admin.write("PUT", "routes/1", function(upstream, "/fn", SECRET))
        assert await server.stop() == 0
    (two / "var").mkdir()
    if ring == "another":
        KeyRing.make(two / "var" / "keyring")
    for file in (one / "var").glob("phasegate.db*"):
        shutil.copy(file, two / "var")
    code, _, errors = await run_command("run", "--conf", str(two))
    assert (code, key_ids(one)[0] in errors) == (1, True)
    assert "copy that file from" in errors
    assert "Traceback" not in errors


async def test_another_ring_is_refused_before_there_is_a_secret(tmp_path: Path) -> None:
    one, two = conf(tmp_path / "one"), conf(tmp_path / "two")
    async with serving(one) as server:
        assert await server.stop() == 0
    ring = KeyRing.make(two / "var" / "keyring")
    for file in (one / "var").glob("phasegate.db*"):
        shutil.copy(file, two / "var")
    code, _, errors = await run_command("run", "--conf", str(two))
    assert (code, key_ids(one)[0] in errors, ring.newest in errors) == (1, True, True)
    assert (await run_command("keyring", "forget", "--conf", str(two)))[0] == 0
    async with serving(two) as server:
        assert await server.stop() == 0


async def test_a_reference_is_kept_as_text_and_its_value_used(tmp_path: Path, upstream: FakeUpstream) -> None:
    conf(tmp_path)
    text = "$env://PHASEGATE_TESTS_KEY/inner"
    variables = {"PHASEGATE_TESTS_KEY": f'{{"inner": "{SECRET}"}}'}
    async with serving(tmp_path, variables) as server, administering(server) as admin:
        await admin.write("PUT", "routes/1", function(upstream, "/fn", text))
        assert await sent(admin, upstream, "/fn") == SECRET
        shown = (await admin.get("routes/1"))["value"]["plugins"]["aws-lambda"]["authorization"]
        assert shown == {"apikey": text}
        status, answer = await admin.ask("PUT", "routes/2", function(upstream, "/two", "$env://PHASEGATE_NONE"))
        assert (status, "PHASEGATE_NONE" in answer["error_msg"]) == (400, True)
        assert await server.stop() == 0
        assert SECRET.encode() not in server.output + kept(tmp_path)
