"""A thousand random writes through the Admin API under load: every answer is the old configuration's or the new one's."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from phasegate.testing import Reply, fake_upstream
from tests.history import History
from tests.process import Server, free_port, serving, write_conf

WRITES = 1000
PATHS = [f"/r{number}" for number in range(12)]
KEY = "a-key-for-this-test-alone"
ADMIN = {"address": f"127.0.0.1:{free_port()}", "keys": [{"name": "tests", "key": KEY, "role": "admin"}]}


class Writer:
    """Changes random routes through the Admin API, and notes what is right from when on."""

    def __init__(
        self, session: aiohttp.ClientSession, server: Server, upstreams: dict[str, str], history: History
    ) -> None:
        self._session = session
        self._url = f"{server.admin_url}/apisix/admin"
        self._upstreams = upstreams
        self._history = history
        self._random = random.Random(20261125)

    async def write(self) -> None:
        path = self._random.choice(PATHS)
        match self._random.choice(["target", "guarded", "open", "delete"]):
            case "delete":
                self._history.begin(path, "404")
                assert await self._send("DELETE", path) in (200, 404)
            case "guarded":
                self._history.begin(path, "401")
                await self._put(path, {"key-auth": {}}, "one")
            case _:
                name = self._random.choice(list(self._upstreams))
                self._history.begin(path, f"200 {name}")
                await self._put(path, {}, name)
        self._history.acknowledge(path)

    async def _put(self, path: str, plugins: Any, name: str) -> None:
        route = {"uri": path, "plugins": plugins, "upstream": {"nodes": {self._upstreams[name]: 1}}}
        assert await self._send("PUT", path, route) in (200, 201)

    async def _send(self, method: str, path: str, body: Any = None) -> int:
        url = f"{self._url}/routes/{path[1:]}"
        async with self._session.request(method, url, json=body, headers={"X-API-KEY": KEY}) as answer:
            if answer.status >= 500:
                raise AssertionError(await answer.text())
            return answer.status


class Readers:
    """Clients that ask for random paths as fast as they can, and judge each answer by the history."""

    def __init__(self, session: aiohttp.ClientSession, url: str, history: History) -> None:
        self._session = session
        self._url = url
        self._history = history
        self.answered = 0
        self.wrong: Counter[str] = Counter()

    async def ask_on(self, seed: int, done: asyncio.Event) -> None:
        chooser = random.Random(seed)
        while not done.is_set():
            path = chooser.choice(PATHS)
            asked = time.monotonic()
            try:
                async with self._session.get(self._url + path) as answer:
                    body = (await answer.text()) if answer.status == 200 else ""
            except aiohttp.ClientError as error:
                self.wrong[repr(error)] += 1
                continue
            got = f"{answer.status} {body}".strip()
            self.answered += 1
            if not self._history.allows(path, got, asked):
                self.wrong[f"{got} where {self._history.wanted(path)} was right"] += 1


async def test_a_thousand_writes_under_load_lose_nothing(tmp_path: Path) -> None:
    async with fake_upstream() as one, fake_upstream() as two:
        one.reply(Reply(body=b"one"))
        two.reply(Reply(body=b"two"))
        upstreams = {"one": one.address, "two": two.address}
        folder = write_conf(tmp_path, {"routes": []}, admin=ADMIN, workers=2, plugins=["key-auth"])
        async with serving(folder) as server, aiohttp.ClientSession() as session:
            await change_under_load(session, server, upstreams)
            assert await server.stop() == 0


async def change_under_load(session: aiohttp.ClientSession, server: Server, upstreams: dict[str, str]) -> None:
    history = History()
    for path in PATHS:
        history.begin(path, "404")
    writer, readers = Writer(session, server, upstreams, history), Readers(session, server.url, history)
    done = asyncio.Event()
    asking = [asyncio.create_task(readers.ask_on(seed, done)) for seed in range(16)]
    for _ in range(WRITES):
        await writer.write()
    done.set()
    await asyncio.gather(*asking)
    assert not readers.wrong
    assert readers.answered > WRITES
