"""Which version of a function a request is for, where several share its requests by weight."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from phasegate import Exchange, Finding, FunctionFailed, Headers

QUALIFIER: dict[str, Any] = {
    "type": "string",
    "regex": r"[A-Za-z0-9$_.-]{1,128}",
    "meta": {"expected": "a version or an alias"},
}
_NAME = "[A-Za-z0-9_.-]+"
CANARY: dict[str, Any] = {
    "canary": {
        "type": "list",
        "default": [],
        "about": "Versions or aliases that share the requests.",
        "schema": {
            "type": "dict",
            "schema": {
                "qualifier": {**QUALIFIER, "required": True, "about": "A version or alias."},
                "weight": {
                    "type": "integer",
                    "min": 1,
                    "max": 1_000_000,
                    "required": True,
                    "about": "Its share of the requests, as a weight among the others'.",
                },
            },
        },
    },
    "canary_by": {
        "type": "string",
        "regex": rf"consumer|(header|cookie)\.{_NAME}",
        "meta": {"expected": "consumer, header.NAME or cookie.NAME"},
        "about": "Who always gets the same version; without it chance decides.",
    },
    "canary_header": {
        "type": "string",
        "regex": _NAME,
        "meta": {"expected": "a header name"},
        "about": "The header by which testers choose a version.",
    },
}


@dataclass(frozen=True, kw_only=True)
class Share:
    """A version or alias, and its weight among the others'."""

    qualifier: str
    weight: int


@dataclass(kw_only=True)
class CanaryFields:
    """What `aws-lambda` asks of the versions that share a function's requests.

    Who has the same `canary_by` gets the same version; `canary_header` is what testers ask for a version by.
    """

    canary: tuple[Share, ...] = ()
    canary_by: str | None = None
    canary_header: str | None = None

    def check_canary(self, qualifier: str | None) -> Iterator[Finding]:
        """Yield what is wrong with the shares, beside a version that the function has by itself."""
        names = [share.qualifier for share in self.canary]
        if self.canary and qualifier is not None:
            message = f"can't choose a version where {qualifier!r} is given: leave that out of function and qualifier"
            yield Finding("canary", message)
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Finding(f"canary[{index}].qualifier", f"{name!r} is in the list already")
        for key, value in (("canary_by", self.canary_by), ("canary_header", self.canary_header)):
            if value is not None and not self.canary:
                yield Finding(key, "is of use with canary alone: leave it out")


class Canary:
    """Chooses a version for each request: the one that a tester asks for, the caller's own, or one by chance."""

    def __init__(self, fields: CanaryFields, function: str) -> None:
        self._shares = fields.canary
        self._weights = [share.weight for share in fields.canary]
        self._kind, _, self._name = (fields.canary_by or "").partition(".")
        self._header = fields.canary_header
        self._function = function

    def choose(self, exchange: Exchange) -> str:
        """Return the version for a request. Raise FunctionFailed where a tester asks for one that is not listed."""
        asked = exchange.request.headers.get(self._header) if self._header else None
        if asked is not None:
            return self._listed(asked)
        caller = self._caller(exchange)
        if not caller:
            return random.choices(self._shares, self._weights)[0].qualifier  # noqa: S311 (no secret)
        return min(self._shares, key=lambda share: self._distance(share, caller)).qualifier

    def _listed(self, asked: str) -> str:
        if all(share.qualifier != asked for share in self._shares):
            raise FunctionFailed(f"qualifier {asked!r} is none of canary", status=400, code="unknown_qualifier")
        return asked

    def _caller(self, exchange: Exchange) -> str | None:
        if self._kind == "consumer":
            return exchange.consumer.username if exchange.consumer is not None else None
        headers = exchange.request.headers
        return headers.get(self._name) if self._kind == "header" else _cookie(headers, self._name)

    def _distance(self, share: Share, caller: str) -> float:
        """Return how far a caller is from a version: weighted rendezvous hashing.

        Each caller has a place of its own for each version, and the weight alone brings versions nearer. So a weight that
        grows takes callers from others and moves nobody else, and so does a version that is added.
        """
        text = f"{self._function}\0{share.qualifier}\0{caller}".encode()
        drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 12
        return -math.log((drawn + 0.5) / 2**52) / share.weight


def _cookie(headers: Headers, name: str) -> str | None:
    """Return the first cookie of a name (RFC 6265 section 5.4)."""
    for field in headers.get_all("cookie"):
        for pair in field.split(";"):
            key, separator, value = pair.strip().partition("=")
            if separator and key == name:
                return value
    return None
