"""An OpenID provider: its description and its keys, fetched when they are needed and kept while they are good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson

from phasegate import Clock, Headers, ServiceUnavailable, UpstreamError

from .asking import Service
from .token import ALGORITHMS, SECRET_BYTES, Key, TokenError, fitting

# A secret that both know makes tokens as well as it judges them, so none of those.
ALLOWED = tuple(name for name in ALGORITHMS if name not in SECRET_BYTES)
_FRESH_SECONDS = 3600.0
# A key that nobody knows may be a new one; whoever makes keys up can't have them fetched more often.
_PAUSE_SECONDS = 10.0
_MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3), and its keys (RFC 7517) as they came."""

    issuer: str
    keys: tuple[Mapping[str, Any], ...] = field(repr=False)


class Provider:
    """Knows the keys of a provider. `discovery` is the URL of its description; `service` makes what is asked of URLs."""

    def __init__(
        self, discovery: str, service: Callable[[str], Service], *, clock: Clock, logger: logging.Logger
    ) -> None:
        self._discovery = discovery
        self._service = service
        self._clock = clock
        self._logger = logger
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._fresh_until = 0.0
        self._asked: float | None = None

    async def metadata(self) -> Metadata:
        """Return what is known, fetched anew where it is old. Raise ServiceUnavailable where nothing is.

        While one request has it fetched, the others go on with what is known.
        """
        old = self._clock.monotonic() >= self._fresh_until
        if self._metadata is None or (old and not self._lock.locked()):
            await self._refresh(self._metadata)
        if self._metadata is None:
            raise ServiceUnavailable("the OpenID provider can't be asked for its keys")
        return self._metadata

    async def keys(self, header: Mapping[str, Any], algorithms: Collection[str]) -> list[Key]:
        """Return the keys that a token with this header may be signed with, looked up anew where there are none.

        Raise TokenError for an algorithm that is none of those, ServiceUnavailable where no keys are known.
        """
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in algorithms:
            raise TokenError("its algorithm is not allowed here")
        known = await self.metadata()
        found = list(_fitting(known, header, algorithm))
        if not found:
            await self._refresh(known)
            found = list(_fitting(await self.metadata(), header, algorithm))
        return found

    async def _refresh(self, known: Metadata | None) -> None:
        """Fetch everything anew, unless somebody just did; what fails leaves what was known, and is logged."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._metadata is not known or (self._asked is not None and now < self._asked + _PAUSE_SECONDS):
                return
            self._asked = now
            try:
                self._metadata = await self._fetched()
                self._fresh_until = now + _FRESH_SECONDS
            except (UpstreamError, ValueError) as error:
                self._logger.warning(
                    "OpenID provider can't be asked", extra={"discovery": self._discovery, "cause": str(error)}
                )

    async def _fetched(self) -> Metadata:
        told = await self._document(self._discovery)
        issuer, address = told.get("issuer"), told.get("jwks_uri")
        if not isinstance(issuer, str) or not isinstance(address, str) or not _is_url(address):
            raise ValueError("its description has no issuer or no jwks_uri")
        if self._discovery.startswith("https://") and not address.startswith("https://"):
            raise ValueError("its keys are not on https as its description is")
        keys = (await self._document(address)).get("keys")
        listed = keys if isinstance(keys, list) else []
        return Metadata(issuer, tuple(key for key in listed[:_MOST_KEYS] if isinstance(key, dict)))

    async def _document(self, url: str) -> Mapping[str, Any]:
        answer = await self._service(url).ask(headers=Headers({"accept": "application/json"}))
        if answer.status != 200 or not isinstance(answer.body, bytes):
            raise ValueError(f"{url} answered {answer.status}")
        document = orjson.loads(answer.body)
        if not isinstance(document, dict):
            raise ValueError(f"{url} answered with what is no object")  # noqa: TRY004 (all of them are ValueErrors)
        return document


def _fitting(metadata: Metadata, header: Mapping[str, Any], algorithm: str) -> Iterator[Key]:
    """Yield the keys for an algorithm: the one that the header names, or where it names none, all of them."""
    wanted = header.get("kid")
    for jwk in metadata.keys:
        if wanted is not None and jwk.get("kid") != wanted:
            continue
        if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm or jwk.get("kty") == "oct":
            continue
        try:
            yield fitting(jwt.PyJWK(dict(jwk), algorithm).key, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue


def _is_url(text: str) -> bool:
    return text.isascii() and text.isprintable() and text.startswith(("https://", "http://")) and " " not in text
