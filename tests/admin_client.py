"""A client of a running gateway's Admin API and of its data port, which makes a new connection for each request."""

import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tests.process import Server, free_port

KEY = "a-key-for-these-tests-alone"
CONNECTIONS = 8
"""So many connections in a row reach both of two workers, but for one time in 128."""


def admin_settings(**more: Any) -> dict[str, Any]:
    """Return the `admin` of gateway.yaml with a free port and the tests' key."""
    keys = [{"name": "tests", "key": KEY, "role": "admin"}]
    return {"address": f"127.0.0.1:{free_port()}", "keys": keys, **more}


class AdminClient:
    """Asks the Admin API for resources by paths such as `routes/1`, and the gateway for anything."""

    def __init__(self, session: aiohttp.ClientSession, server: Server, key: str = KEY) -> None:
        self._session = session
        self._admin_url = f"{server.admin_url}/apisix/admin"
        self._url = server.url
        self._headers = {"X-API-KEY": key}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and answer of a request to the Admin API; a body of bytes is sent as it is."""
        data = {"data": io.BytesIO(body)} if isinstance(body, bytes) else {"json": body}
        url = f"{self._admin_url}/{path}"
        async with self._session.request(method, url, headers=self._headers, **data) as answer:
            return answer.status, await answer.json()

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to a write that has to succeed."""
        status, answer = await self.ask(method, path, body)
        assert status in (200, 201), answer
        return answer

    async def get(self, path: str) -> Any:
        """Return a resource that has to be there, as one of the workers has it."""
        status, answer = await self.ask("GET", path)
        assert status == 200, answer
        return answer

    async def revision(self) -> int:
        """Return the newest revision of the store."""
        revisions = (await self.get("revisions"))["list"]
        return int(revisions[0]["number"]) if revisions else 0

    async def statuses(self, path: str) -> set[int]:
        """Return which statuses a path of the gateway has, on as many connections as reach every worker."""
        found = set()
        for _ in range(CONNECTIONS):
            async with self._session.get(f"{self._url}{path}") as answer:
                found.add(answer.status)
        return found

    async def shown(self, path: str) -> list[Any]:
        """Return what the workers show for a path of the Admin API: one entry where all show the same."""
        found: list[Any] = []
        for _ in range(CONNECTIONS):
            answer = await self.ask("GET", path)
            if answer not in found:
                found.append(answer)
        return found


@contextlib.asynccontextmanager
async def administering(server: Server, key: str = KEY) -> AsyncIterator[AdminClient]:
    """Lend a client for the length of a block."""
    connector = aiohttp.TCPConnector(force_close=True)
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield AdminClient(session, server, key)
