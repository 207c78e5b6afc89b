"""`jwt-auth`: the caller is known by a JSON Web Token (RFC 7519)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Credential, Exchange, Finding, Outcome, Request, Services, hookimpl

from .bearer import Places
from .plugin import AuthPlugin, fields
from .token import ALGORITHMS, SECRET_BYTES, Judge, Key, TokenError, public_key, unverified

_NAME = {"type": "string", "regex": "[A-Za-z0-9._~-]+"}
_KEYS_AT_HAND = 10_000
# What a token is checked with whose key nobody has, so that it costs what others cost.
_NOBODY = Key("HS256", bytes(range(32)))


@dataclass(kw_only=True)
class JwtAuth(AuthPlugin):
    """Finds the consumer whose `key` a token names, and checks the token by that consumer's algorithm and key."""

    name: ClassVar[str] = "jwt-auth"
    priority: ClassVar[int] = 2510
    scheme: ClassVar[str] = "Bearer"
    missing: ClassVar[str] = "Missing JWT token in request"
    wrong: ClassVar[str] = "failed to verify jwt"
    schema: ClassVar = {
        "header": {
            **_NAME,
            "regex": "[A-Za-z0-9_-]+",
            "default": "authorization",
            "about": "The header that the token stands in, with or without Bearer before it.",
        },
        "query": {**_NAME, "default": "jwt", "about": "The argument of the query that it may stand in instead."},
        "cookie": {**_NAME, "default": "jwt", "about": "The cookie that it may stand in instead."},
        "key_claim_name": {
            "type": "string",
            "empty": False,
            "default": "key",
            "about": "The claim that names the consumer by its `key`.",
        },
        "claims_to_verify": {
            "type": "list",
            "schema": {"type": "string", "allowed": ["exp", "nbf"]},
            "default": ["exp"],
            "about": "The times that a token must have; those that it has are always judged.",
        },
        "audiences": {
            "type": "list",
            "schema": {"type": "string", "empty": False},
            "default": [],
            "about": "Whom a token must be for, one of these.",
        },
        "issuers": {
            "type": "list",
            "schema": {"type": "string", "empty": False},
            "default": [],
            "about": "By whom a token must be, one of these.",
        },
        "store_in_ctx": {"type": "boolean", "default": False, "about": "Leave the claims to other plugins."},
        **fields("jwt"),
    }
    consumer_schema: ClassVar = {
        "key": {
            "type": "string",
            "required": True,
            "empty": False,
            "about": "What the claim of the consumer's tokens says; no two have the same.",
        },
        "algorithm": {
            "type": "string",
            "allowed": list(ALGORITHMS),
            "default": "HS256",
            "about": "The only algorithm that the consumer's tokens may have.",
        },
        "secret": {
            "type": "string",
            "empty": False,
            "secret": True,
            "about": "What tokens are signed with by HS256, HS384 and HS512.",
        },
        "base64_secret": {"type": "boolean", "default": False, "about": "Take the secret as base64."},
        "public_key": {
            "type": "string",
            "empty": False,
            "about": "The public key in PEM's form that tokens hold by, for the other algorithms.",
        },
        "exp": {"type": "integer", "min": 1, "about": "Seconds that a token may last from now, at most."},
        "lifetime_grace_period": {
            "type": "integer",
            "min": 0,
            "default": 0,
            "about": "Seconds by which clocks may differ.",
        },
    }
    consumer_key: ClassVar[str | None] = "key"

    header: str
    query: str
    cookie: str
    key_claim_name: str
    claims_to_verify: tuple[str, ...]
    audiences: tuple[str, ...]
    issuers: tuple[str, ...]
    store_in_ctx: bool

    @classmethod
    def check_credential(cls, config: Mapping[str, Any]) -> Iterable[Finding]:
        """Refuse a credential without the key that its algorithm needs, and a key that is too weak for it."""
        needed, other = ("secret", "public_key") if config["algorithm"] in SECRET_BYTES else ("public_key", "secret")
        if needed not in config:
            yield Finding(needed, f"is required for {config['algorithm']}")
            return
        if other in config:
            yield Finding(other, f"has no meaning for {config['algorithm']}: remove it, or choose another algorithm")
        try:
            _key(config)
        except ValueError as error:
            yield Finding(needed, str(error))

    async def open(self, services: Services) -> None:
        """Take what requests need, and decide whatever does not depend on them."""
        await super().open(services)
        self._places = Places(self.header, self.query, self.cookie)
        self._judge = Judge(self.claims_to_verify, self.audiences, self.issuers)
        self._keys: dict[str, tuple[Mapping[str, Any], Key]] = {}

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Check the token. What its header says of algorithms, keys and places to fetch them from counts for nothing."""
        try:
            token = self._places.token(exchange.original)
            return self.absent() if token is None else self._judged(token, exchange)
        except TokenError as error:
            return self.invalid(str(error))

    def conceal(self, request: Request) -> None:
        """Take the token out of the request, so that no upstream sees it."""
        if self.hide_credentials:
            self._places.hide(request)

    def _judged(self, token: str, exchange: Exchange) -> Outcome:
        named = unverified(token)[1].get(self.key_claim_name)
        found = self.consumers.find(self.name, named) if isinstance(named, str) else None
        if found is None:
            _hold_against_nobody(token)
            return self.invalid(f"no consumer has the key that its claim {self.key_claim_name} names")
        credential = found[1]
        claims = self._key_of(credential).claims(token)
        now, longest = self.clock.time(), credential.config.get("exp")
        self._judge.judge(claims, now, _number(credential.config["lifetime_grace_period"]))
        if longest is not None and ("exp" not in claims or claims["exp"] > now + _number(longest)):
            return self.invalid("it lasts longer than this consumer's tokens may")
        if self.store_in_ctx:
            exchange.state[self.name] = claims
        return Outcome.ok(*found, claims=claims)

    def _key_of(self, credential: Credential) -> Key:
        """Return the key that a credential's tokens are checked with, made at its first use."""
        known = self._keys.get(credential.id)
        if known is None or known[0] is not credential.config:
            if len(self._keys) >= _KEYS_AT_HAND:
                self._keys.clear()
            known = self._keys[credential.id] = (credential.config, _key(credential.config))
        return known[1]


def _key(config: Mapping[str, Any]) -> Key:
    """Return the key of a credential. Raise ValueError for one that is none, or too weak."""
    algorithm = config["algorithm"]
    if algorithm not in SECRET_BYTES:
        return public_key(config["public_key"], algorithm)
    secret = config["secret"].encode()
    if config["base64_secret"]:
        try:
            secret = base64.b64decode(secret, validate=True)
        except binascii.Error as error:
            raise ValueError("is not base64, as base64_secret says") from error
    if len(secret) < SECRET_BYTES[algorithm]:
        raise ValueError(f"must have at least {SECRET_BYTES[algorithm]} bytes for {algorithm} (RFC 7518 section 3.2)")
    return Key(algorithm, secret)


def _hold_against_nobody(token: str) -> None:
    try:
        _NOBODY.claims(token)
    except TokenError:
        return


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
