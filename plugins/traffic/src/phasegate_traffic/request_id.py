"""`request-id`: gives requests an id in a field of one's choice, and tells it in the answer."""

from __future__ import annotations

import os
import re
import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl

from .header_changes import OF_CONNECTIONS, TOLD

_GATEWAYS_OWN = "x-request-id"
# What is no id, and would be told to whoever gets the answer.
_CREDENTIALS = ("authorization", "cookie", "set-cookie", "proxy-authorization")
_ID = re.compile(r"[A-Za-z0-9._:+/=-]{6,128}")
_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_NANOID = "_-" + _CHARACTERS


@dataclass(frozen=True, kw_only=True)
class RangeId:
    """How many characters an id has, and out of which."""

    length: int
    char_set: str


@dataclass(kw_only=True)
class RequestId(Plugin):
    """Keeps a client's id where it is one, makes one where it is not, and has upstream and client see it.

    `X-Request-Id` is the gateway's own: every request has it before any plugin runs.
    """

    name: ClassVar[str] = "request-id"
    priority: ClassVar[int] = 12015
    schema: ClassVar = {
        "header_name": {
            "type": "string",
            "regex": "[A-Za-z0-9_-]{1,128}",
            "default": "X-Request-Id",
            "about": "The header that has the id.",
        },
        "include_in_response": {
            "type": "boolean",
            "default": True,
            "about": "Give the answer the id, too, unless the upstream did.",
        },
        "algorithm": {
            "type": "string",
            "allowed": ["uuid", "nanoid", "range_id"],
            "default": "uuid",
            "about": "How new ids are made.",
        },
        "range_id": {
            "type": "dict",
            "about": "What ids are made of by `range_id`.",
            "schema": {
                "length": {
                    "type": "integer",
                    "min": 6,
                    "max": 128,
                    "default": 16,
                    "about": "How many characters an id has.",
                },
                "char_set": {
                    "type": "string",
                    "regex": "[A-Za-z0-9._:+/=-]{6,256}",
                    "default": _CHARACTERS,
                    "about": "The characters that it may have.",
                },
            },
            "default": {},
        },
    }

    header_name: str
    include_in_response: bool
    algorithm: str
    range_id: RangeId

    def check(self) -> Iterable[Finding]:
        """Refuse fields that have another meaning, and say where the choice of an algorithm has none."""
        if self.header_name.lower().replace("_", "-") in {*OF_CONNECTIONS, *TOLD, *_CREDENTIALS}:
            yield Finding(
                "header_name", "is a field with a meaning of its own: choose another, such as X-Correlation-Id"
            )
        if self.algorithm != "uuid" and self.header_name.lower() == _GATEWAYS_OWN:
            message = (
                "has no meaning for X-Request-Id, which the gateway gives every request: choose another header_name"
            )
            yield Finding("algorithm", message, "warning")

    async def open(self, services: Services) -> None:
        """Choose how ids are made."""
        makers: dict[str, Callable[[], str]] = {
            "uuid": lambda: str(uuid.uuid4()),
            "nanoid": _nanoid,
            "range_id": self._of_range,
        }
        self._new = makers[self.algorithm]

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """See to it that the request has one id."""
        headers = exchange.request.headers
        given = headers.get_all(self.header_name)
        if len(given) == 1 and _ID.fullmatch(given[0]):
            id_ = given[0]
        else:
            id_ = headers[self.header_name] = self._new()
        exchange.state[self.name] = id_
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Tell the client, unless the upstream has told it an id of its own; a request that was refused early has none."""
        id_ = exchange.state.get(self.name)
        if self.include_in_response and id_ is not None and self.header_name not in response.headers:
            response.headers[self.header_name] = id_
        return None

    def _of_range(self) -> str:
        return "".join(secrets.choice(self.range_id.char_set) for _ in range(self.range_id.length))


def _nanoid() -> str:
    """Return 21 characters out of 64, which is 126 random bits."""
    return "".join(_NANOID[byte & 63] for byte in os.urandom(21))
