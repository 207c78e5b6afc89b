"""The Admin API of a running gateway, as the commands call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson

from ..admin.call import PREFIX
from ..admin.kinds import KINDS
from ..errors import CommandError
from ..secret import Secret
from ..store.records import Key, Value

# A large configuration takes a while to be judged.
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10)
_INDEX = re.compile(r"writes\[(\d+)\](?:\.value)?")
_NAMED = rf"(?:{'|'.join(KINDS)})(?:/[^\s:]+|\[\d+\]\S*)(?: is owned|: )"
_NEXT = re.compile(f"; (?={_NAMED})")


@dataclass(frozen=True, slots=True)
class Stored:
    """What there is at a revision: the store's resources, and the file's, which only the file can change."""

    revision: int
    store: Mapping[Key, Value] = field(repr=False)
    file: Mapping[Key, Value] = field(repr=False)


class Outdated(CommandError):
    """The store is not at the revision any more that a change was made from."""


class _NotThere(CommandError):
    """The Admin API has no resource of that key."""


class AdminClient:
    """One connection to an Admin API, to be used in an `async with` block. Everything that fails is a CommandError."""

    def __init__(self, url: str, key: Secret) -> None:
        self._url = url
        self._key = key

    async def __aenter__(self) -> Self:
        # One connection leads to one worker, so that what was read there is known there.
        connector = aiohttp.TCPConnector(limit=1)
        headers = {"x-api-key": self._key.value}
        self._session = aiohttp.ClientSession(connector=connector, headers=headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def read(self, *, secrets: bool = False) -> Stored:
        """Return everything, secrets masked unless they are asked for."""
        body = await self._call("GET", "/changes", {"secrets": "1"} if secrets else None)
        found: dict[str, dict[Key, Value]] = {"store": {}, "file": {}}
        for item in body["list"]:
            found[item["source"]][item["kind"], item["id"]] = item["value"]
        return Stored(body["revision"], found["store"], found["file"])

    async def auth_plugins(self) -> frozenset[str]:
        """Return the names of the enabled plugins that let callers in."""
        body = await self._call("GET", "/plugins", {"all": "true"})
        return frozenset(name for name, described in body.items() if described.get("type") == "auth")

    async def schemas(self, kinds: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return the JSON Schema of each kind."""
        return {kind: await self._call("GET", f"/schema/{kind}") for kind in kinds}

    async def attempt(self, writes: Sequence[Mapping[str, Any]], revision: int) -> list[Mapping[str, Any]]:
        """Return what writes would change in the store as it is at a revision. Raise Outdated, CommandError."""
        query = {"dry_run": "1", "details": "1"}
        body = await self._call("POST", "/changes", query, {"writes": writes}, revision)
        return list(body["changes"])

    async def make(self, writes: Sequence[Mapping[str, Any]], revision: int, note: str) -> int:
        """Make changes in the store as it is at a revision, and return the new one. Raise Outdated, CommandError."""
        body = await self._call("POST", "/changes", {"wait": "all"}, {"writes": writes, "note": note}, revision)
        return int(body["revision"])

    async def explain(self, request: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Send a request through the gateway and return what happened to it."""
        answer: dict[str, Any] = await self._call("POST", "/explain", {"dry_run": "1"} if dry_run else None, request)
        return answer

    async def explain_token(self, seconds: int) -> str:
        """Return a token that has requests on the public port explained for so many seconds."""
        return str((await self._call("POST", "/explain/tokens", None, {"seconds": seconds}))["token"])

    async def explanation(self, request_id: str) -> dict[str, Any] | None:
        """Return the explanation of a request that had a token, None where there is none."""
        try:
            answer: dict[str, Any] = await self._call("GET", f"/explain/requests/{quote(request_id, safe='')}")
        except _NotThere:
            return None
        return answer

    async def _call(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> Any:
        headers = {} if revision is None else {"if-match": f'"{revision}"'}
        data = None if body is None else orjson.dumps(body)
        try:
            # Redirects are not followed: the key is for this address.
            async with self._session.request(
                verb, self._url + PREFIX + path, params=query, data=data, headers=headers, allow_redirects=False
            ) as response:
                answer = _json(await response.read()) if "x-api-version" in response.headers else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CommandError(_unreachable(self._url, error)) from error
        if not isinstance(answer, dict):
            raise CommandError(f"{self._url} is no Admin API of Phasegate: name its address with --admin")
        if response.status >= 300:
            raise _refusal(response.status, answer, self._url, (body or {}).get("writes", ()))
        return answer


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _unreachable(url: str, error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {url} is not trusted: name its authorities with SSL_CERT_FILE ({error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"nobody listens at {url}: start the gateway, or name the address of its Admin API with --admin"
    if isinstance(error, TimeoutError):
        return f"{url} does not answer"
    if isinstance(error, aiohttp.InvalidURL):
        return f"{url} is no URL: write --admin http://HOST:PORT"
    return f"{url} breaks off: is it an Admin API? ({type(error).__name__})"


def _refusal(status: int, answer: Mapping[str, Any], url: str, writes: Sequence[Mapping[str, Any]]) -> CommandError:
    reason = str(answer.get("error_msg") or answer.get("message") or answer)
    match status:
        case 401:
            return CommandError(f"{url} does not take the key: {answer.get('description', reason)}")
        case 404 if answer.get("message") == "Key not found":
            return _NotThere(reason)
        case 404 | 405:
            return CommandError(f"{url} is an Admin API of another kind or version: {reason}")
        case 412:
            return Outdated("the store has changed meanwhile: run diff again, and apply what it says then")
        case _:
            return CommandError("\n".join(_reasons(reason, writes)))


def _reasons(reason: str, writes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each reason of a refusal, with the resource that it is about where it named a write by its index."""

    def name(match: re.Match[str]) -> str:
        index = int(match[1])
        return f"{writes[index]['kind']}/{writes[index]['id']}" if index < len(writes) else match[0]

    named = _INDEX.sub(name, reason)
    if len(writes) == 1 and not re.match(_NAMED, named):
        named = f"{writes[0]['kind']}/{writes[0]['id']}: {named}"
    yield from _NEXT.split(named)
