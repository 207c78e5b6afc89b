"""`basic-auth`: the caller is known by a name and a password (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Headers, Outcome, Request, Services, hookimpl

from .failures import Failures
from .password_checks import PasswordChecks
from .plugin import AuthPlugin, fields


@dataclass(kw_only=True)
class BasicAuth(AuthPlugin):
    """Finds the consumer whose `username` and `password` stand in `Authorization`."""

    name: ClassVar[str] = "basic-auth"
    priority: ClassVar[int] = 2520
    scheme: ClassVar[str] = "Basic"
    parameters: ClassVar[str] = ', charset="UTF-8"'
    missing: ClassVar[str] = "Missing authorization in request"
    wrong: ClassVar[str] = "Invalid user authorization"
    schema: ClassVar = {
        "lockout_failures": {
            "type": "integer",
            "min": 0,
            "default": 20,
            "about": "After so many wrong passwords for a user from one address none is looked at; 0 is never.",
        },
        "lockout_seconds": {
            "type": "integer",
            "min": 1,
            "default": 60,
            "about": "Seconds in which wrong passwords are counted, by each worker.",
        },
        **fields("basic"),
    }
    consumer_schema: ClassVar = {
        "username": {
            "type": "string",
            "required": True,
            "regex": "[^:\\x00-\\x1f\\x7f]{1,200}",
            "meta": {"expected": "1 to 200 characters without a colon"},
            "about": "The name that the consumer gives; no two have the same.",
        },
        "password": {
            "type": "string",
            "required": True,
            "secret": True,
            "format": "password",
            "about": "The consumer's password.",
        },
    }
    consumer_key: ClassVar[str | None] = "username"

    lockout_failures: int
    lockout_seconds: int

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        await super().open(services)
        self._passwords = PasswordChecks(services.clock)
        self._failures = Failures(services.clock, most=self.lockout_failures, seconds=self.lockout_seconds)

    async def close(self) -> None:
        """Let go of the thread that passwords are checked in."""
        self._passwords.close()

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Check the password. A user that there is not costs what a wrong password costs."""
        given = exchange.original.headers.get_all("authorization")
        if not any(map(is_basic, given)):
            return self.absent()
        if len(given) > 1:
            return self.invalid(f"{len(given)} Authorization fields in one request")
        pair = user_and_password(given[0])
        if pair is None:
            return self.invalid("the credentials are not base64 of UTF-8 text with a colon")
        return await self._judged(*pair, exchange.original.client)

    async def _judged(self, username: str, password: str, address: str) -> Outcome:
        found = self.consumers.find(self.name, username)
        kept = str(found[1].config["password"]) if found else None
        known = self._passwords.held(username, kept, password)
        if not known and self._failures.are_too_many(address, username, password):
            return self.invalid("too many passwords were wrong, so none is looked at")
        with self._failures.trying(address, username, password):
            holds = await self._passwords.holds(username, kept, password)
        if holds and found is not None:
            return Outcome.ok(*found)
        self._failures.note(address, username)
        return self.invalid("no consumer has this username" if found is None else "the password is another")

    def conceal(self, request: Request) -> None:
        """Take name and password out of the request, so that no upstream sees them."""
        if self.hide_credentials:
            _hide(request.headers)


def is_basic(value: str) -> bool:
    """Tell whether the value of an `Authorization` field is of this scheme, whose name is in any case."""
    return value.partition(" ")[0].lower() == "basic"


def user_and_password(value: str) -> tuple[str, str] | None:
    """Return what a value of the scheme Basic holds, None for one that can't be read. Only the first colon parts the two."""
    try:
        text = base64.b64decode(value.partition(" ")[2].strip(" "), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, password = text.partition(":")
    return (username, password) if colon else None


def _hide(headers: Headers) -> None:
    if "authorization" in headers:
        headers.raw = [
            field for field in headers.raw if field[0] != b"authorization" or not is_basic(field[1].decode("latin-1"))
        ]
