"""Speaks with etcd's JSON gateway, whichever of a cluster's members answers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from ..secret import Secret
from .etcd_messages import watch
from .following import Bell
from .records import StoreUnavailable

_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
# A new leader is elected within two seconds of the old one's death.
_PATIENCE_SECONDS = 6.0
_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
# A watch that nothing came through for so long is opened anew, for its other end may be gone.
_SILENCE_SECONDS = 30.0

# https://grpc.io/docs/guides/status-codes/
_UNKNOWN, _DEADLINE_EXCEEDED, _RESOURCE_EXHAUSTED, _UNAVAILABLE, _UNAUTHENTICATED = 2, 4, 8, 14, 16
_PASSING = frozenset({_UNKNOWN, _DEADLINE_EXCEEDED, _UNAVAILABLE, _UNAUTHENTICATED})


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where etcd is: its members' URLs, and the keys' prefix; who we are there, and whose certificates we trust."""

    endpoints: tuple[str, ...]
    prefix: str
    user: str = ""
    password: Secret | None = None
    ca: str | None = None

    def __str__(self) -> str:
        return ",".join(self.endpoints)


class EtcdRefused(Exception):
    """etcd's own error: the request itself can't be done."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class _Away(Exception):
    """A member does not answer, or can't at the moment. `sent` tells that the request may have reached it."""

    def __init__(self, cause: str, *, sent: bool = True) -> None:
        super().__init__(cause)
        self.sent = sent


class _Silent(_Away):
    """A member took the request, and then nothing came for too long."""


class EtcdClient:
    """Asks one member until it fails, then the next.

    What is asked may arrive more than once: ask nothing that does harm when it is repeated.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._present = 0
        self._token = ""
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return etcd's answer to a call such as `kv/range`.

        Raise EtcdRefused where it says no, StoreUnavailable where no member answers: quickly when none was there to take
        the request, and after six seconds otherwise.
        """
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        patient, tries = False, 0
        while True:
            endpoint = self._cluster.endpoints[self._present]
            try:
                return await self._post(endpoint, method, body)
            except _Away as error:
                self._leave(endpoint)
                patient, tries, cause = patient or error.sent, tries + 1, error
            late = asyncio.get_running_loop().time() > deadline
            if late or (not patient and tries >= 2 * len(self._cluster.endpoints)):
                raise StoreUnavailable(f"etcd can't be reached at {self._cluster}: {cause}") from cause
            await asyncio.sleep(_PAUSE_SECONDS)

    async def listen(self, key: str, bell: Bell) -> None:
        """Ring a bell whenever a key may have changed, for ever; a watch that ends is begun again."""
        pause = _PAUSE_SECONDS
        while True:
            endpoint = self._cluster.endpoints[self._present]
            try:
                async for _ in self._lines(endpoint, watch(key)):
                    bell.ring()
                    pause = _PAUSE_SECONDS
            except _Silent:
                continue
            except (_Away, EtcdRefused):
                self._leave(endpoint)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _leave(self, endpoint: str) -> None:
        if endpoint == self._cluster.endpoints[self._present]:
            self._present = (self._present + 1) % len(self._cluster.endpoints)

    async def _post(self, endpoint: str, method: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._request(endpoint, method, body, silence=_ANSWER_SECONDS) as response:
            return _judged(await response.read(), response.status)

    async def _lines(self, endpoint: str, body: dict[str, Any]) -> AsyncIterator[None]:
        async with self._request(endpoint, "watch", body, silence=_SILENCE_SECONDS) as response:
            if response.status != 200:
                _judged(await response.read(), response.status)
            async for line in response.content:
                if "result" not in _parsed(line, response.status) or b'"canceled":true' in line:
                    raise _Away(f"{endpoint} ended a watch")
                yield

    @contextlib.asynccontextmanager
    async def _request(
        self, endpoint: str, method: str, body: dict[str, Any], *, silence: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Authorization": await self._authenticated(endpoint)} if self._cluster.user else {}
        async with self._exchange(endpoint, method, body, headers, silence) as response:
            yield response

    @contextlib.asynccontextmanager
    async def _exchange(
        self, endpoint: str, method: str, body: dict[str, Any], headers: dict[str, str], silence: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=silence)
        url, data = f"{endpoint}/v3/{method}", io.BytesIO(orjson.dumps(body))
        try:
            async with self._opened().post(
                url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status == 401:
                    self._token = ""
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _Away(str(error), sent=False) from error
        except TimeoutError as error:
            raise _Silent(f"{endpoint} did not answer within {silence:g} seconds") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _Away(f"{endpoint}: {str(error) or type(error).__name__}") from error

    async def _authenticated(self, endpoint: str) -> str:
        """Return a token, which holds at every member and expires some time."""
        if not self._token:
            body = {
                "name": self._cluster.user,
                "password": self._cluster.password.value if self._cluster.password else "",
            }
            async with self._exchange(endpoint, "auth/authenticate", body, {}, _ANSWER_SECONDS) as response:
                self._token = _judged(await response.read(), response.status)["token"]
        return self._token

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=self._cluster.ca)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        return self._session


def _judged(data: bytes, status: int) -> dict[str, Any]:
    answer = _parsed(data, status)
    if status == 200:
        return answer
    message, code = str(answer.get("message") or answer.get("error")), answer.get("code", _UNKNOWN)
    raise _Away(message) if code in _PASSING else EtcdRefused(message, code)


def _parsed(data: bytes, status: int) -> dict[str, Any]:
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        message = f"HTTP status {status} and no JSON: is that an etcd of version 3.4 or later, with its gateway on?"
        raise _Away(message) if status >= 500 else EtcdRefused(message, _UNKNOWN)
    return answer
