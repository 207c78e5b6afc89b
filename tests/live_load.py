"""Writers through the Admin API, and readers of the gateway meanwhile who judge what they get by a history."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import aiohttp

from tests.admin_client import KEY
from tests.history import History
from tests.process import Server

_READERS = 8


class Writer:
    """Changes the routes of random paths through the Admin API, and notes what is right from when on."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: Server,
        *,
        paths: Sequence[str],
        targets: dict[str, str],
        history: History,
    ) -> None:
        self._session = session
        self._url = f"{server.admin_url}/apisix/admin"
        self._paths = paths
        self._targets = targets
        self._history = history
        self._random = random.Random(paths[0])

    async def write(self) -> None:
        """Change one route. Raise aiohttp.ClientError where a connection broke: the change was made then, or was not."""
        path = self._random.choice(self._paths)
        match self._random.choice(["target", "guarded", "open", "delete"]):
            case "delete":
                self._history.begin(path, "404")
                assert await self._send("DELETE", path) in (200, 404)
            case "guarded":
                self._history.begin(path, "401")
                await self._put(path, {"key-auth": {}}, "one")
            case _:
                name = self._random.choice(list(self._targets))
                self._history.begin(path, f"200 {name}")
                await self._put(path, {}, name)
        self._history.acknowledge(path)

    async def _put(self, path: str, plugins: Any, name: str) -> None:
        route = {"uri": path, "plugins": plugins, "upstream": {"nodes": {self._targets[name]: 1}}}
        assert await self._send("PUT", path, route) in (200, 201)

    async def _send(self, method: str, path: str, body: Any = None) -> int:
        url = f"{self._url}/routes/{path[1:]}"
        async with self._session.request(method, url, json=body, headers={"X-API-KEY": KEY}) as answer:
            if answer.status >= 500:
                raise AssertionError(await answer.text())
            return answer.status


class Readers:
    """Clients that ask for random paths as fast as they can, and judge each answer by the history."""

    def __init__(self, session: aiohttp.ClientSession, url: str, paths: Sequence[str], history: History) -> None:
        self._session = session
        self._url = url
        self._paths = paths
        self._history = history
        self.answered = 0
        self.broken: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    async def ask_on(self, seed: int, done: asyncio.Event) -> None:
        """Ask until it is done, and count what was answered, and what was wrong."""
        chooser = random.Random(seed)
        while not done.is_set():
            path = chooser.choice(self._paths)
            asked = time.monotonic()
            try:
                async with self._session.get(self._url + path) as answer:
                    body = (await answer.text()) if answer.status == 200 else ""
            except aiohttp.ClientError as error:
                self.broken[repr(error)] += 1
                continue
            got = f"{answer.status} {body}".strip()
            self.answered += 1
            if not self._history.allows(path, got, asked):
                self.wrong[f"{got} where {self._history.wanted(path)} was right"] += 1


class Trial:
    """A gateway that is asked for paths at full speed until the block ends."""

    def __init__(self, session: aiohttp.ClientSession, server: Server, paths: Sequence[str], history: History) -> None:
        self._readers = Readers(session, server.url, paths, history)
        self._done = asyncio.Event()
        self._asking: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._asking = [asyncio.create_task(self._readers.ask_on(seed, self._done)) for seed in range(_READERS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._done.set()
        await asyncio.gather(*self._asking)

    def judge(self, at_least: int, *, may_break: bool = False) -> None:
        """Hold every answer to the history, and, unless connections may break, the gateway to having lost no request."""
        assert self._readers.wrong == Counter()
        assert may_break or self._readers.broken == Counter()
        assert self._readers.answered > at_least
