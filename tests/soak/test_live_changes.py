"""Random writes through the Admin API under load: every answer is the old configuration's or the new one's, none is lost."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from phasegate.testing import Reply, fake_upstream
from tests.admin_client import admin_settings
from tests.etcd import ETCD, etcd_cluster
from tests.history import History
from tests.live_load import Trial, Writer
from tests.process import Server, serving, write_conf

WRITES = 1000
WRITES_ON_EACH_NODE = 150
ROUNDS = 5
PATHS = [f"/r{number}" for number in range(12)]
NODES_AGREE_SECONDS = 2.0


def history(lag: float = 0.0) -> History:
    """Return the history of a gateway without routes."""
    empty = History(lag)
    for path in PATHS:
        empty.begin(path, "404")
    return empty


@contextlib.asynccontextmanager
async def targets() -> AsyncIterator[dict[str, str]]:
    """Run two upstreams that say who they are."""
    async with fake_upstream() as one, fake_upstream() as two:
        one.reply(Reply(body=b"one"))
        two.reply(Reply(body=b"two"))
        yield {"one": one.address, "two": two.address}


def conf(folder: Path, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    return write_conf(folder, {"routes": []}, admin=admin_settings(), workers=2, plugins=["key-auth"], **more)


@contextlib.asynccontextmanager
async def single_node(folder: Path, *, may_break: bool = False) -> AsyncIterator[tuple[Server, Writer]]:
    """Run a gateway under load, and judge what it answered when the block ends."""
    past = history()
    async with targets() as to, serving(conf(folder)) as server, aiohttp.ClientSession() as session:
        async with Trial(session, server, PATHS, past) as trial:
            yield server, Writer(session, server, paths=PATHS, targets=to, history=past)
        trial.judge(at_least=100, may_break=may_break)
        assert await server.stop() == 0


async def test_a_thousand_writes_under_load_lose_nothing(tmp_path: Path) -> None:
    async with single_node(tmp_path) as (_, writer):
        for _ in range(WRITES):
            await writer.write()


async def test_replaced_workers_never_answer_by_what_was(tmp_path: Path) -> None:
    async with single_node(tmp_path) as (server, writer):
        for count in range(1, ROUNDS + 1):
            server.process.send_signal(signal.SIGHUP)
            replaced = asyncio.create_task(server.logged("workers replaced", count))
            while not replaced.done():
                await writer.write()
            for _ in range(20):
                await writer.write()


async def test_killed_workers_come_back_with_what_is_served(tmp_path: Path) -> None:
    async with single_node(tmp_path, may_break=True) as (server, writer):
        for count in range(1, ROUNDS + 1):
            os.kill(server.workers()[0], signal.SIGKILL)
            died = asyncio.create_task(server.logged("worker died", count))
            acknowledged = 0
            while not died.done() or len(server.workers()) < 2 or acknowledged < 20:
                # Broken by the kill, or refused where both slots died so often that they wait.
                with contextlib.suppress(aiohttp.ClientError):
                    await writer.write()
                    acknowledged += 1


@pytest.mark.skipif(ETCD is None, reason="install Debian's etcd-server to run gateways on etcd")
async def test_writes_on_two_nodes_of_one_etcd_reach_both(tmp_path: Path) -> None:
    with etcd_cluster(tmp_path / "etcd") as (member,):
        shared = {"resources": {"store": f"etcd:{member.url}/soak"}, "secrets": {"keyring": "../keyring"}}
        async with serving(conf(tmp_path / "a", **shared)) as one, serving(conf(tmp_path / "b", **shared)) as two:
            await write_on_both(one, two)
            assert await one.stop() == await two.stop() == 0


async def write_on_both(one: Server, two: Server) -> None:
    """Write to half of the paths on each node, and ask each for all of them."""
    past = history(NODES_AGREE_SECONDS)
    async with targets() as to, aiohttp.ClientSession() as session:
        async with Trial(session, one, PATHS, past) as first, Trial(session, two, PATHS, past) as second:
            writers = [
                Writer(session, server, paths=paths, targets=to, history=past)
                for server, paths in ((one, PATHS[:6]), (two, PATHS[6:]))
            ]
            await asyncio.gather(*(write_often(writer) for writer in writers))
        for trial in (first, second):
            trial.judge(at_least=WRITES_ON_EACH_NODE)


async def write_often(writer: Writer) -> None:
    for _ in range(WRITES_ON_EACH_NODE):
        await writer.write()
