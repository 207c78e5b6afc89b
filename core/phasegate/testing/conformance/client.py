"""A client that sends what it is told to, and shows what came back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

_AUTOMATIC = ("accept", "accept-encoding", "user-agent", "content-type")
_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Got:
    """An answer as the client has it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return the values of a field, each as it came."""
        return [value for other, value in self.headers if other == name]


@contextlib.asynccontextmanager
async def asking(
    url: str,
    method: str = "GET",
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | AsyncIterable[bytes] | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send a request, its URL as it is, and lend the answer once its head is there."""
    async with aiohttp.ClientSession(auto_decompress=False, timeout=_TIMEOUT) as session:
        options: dict[str, Any] = {"headers": list(headers), "data": body, "skip_auto_headers": _AUTOMATIC}
        async with session.request(method, URL(url, encoded=True), allow_redirects=False, **options) as answer:
            yield answer


async def ask(
    url: str,
    method: str = "GET",
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | AsyncIterable[bytes] | None = None,
) -> Got:
    """Send a request and return the whole answer. Raise aiohttp's errors where that breaks off."""
    async with asking(url, method, headers=headers, body=body) as answer:
        fields = [(name.decode().lower(), value.decode("latin-1")) for name, value in answer.raw_headers]
        return Got(answer.status, fields, await answer.read())


async def leave(port: int, path: str, arrived: asyncio.Future[Any]) -> None:
    """Send a request, and leave once it has arrived."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: client.test\r\n\r\n".encode())
    await arrived
    writer.transport.abort()
