"""`aws-lambda`: answers a route by an AWS Lambda function behind API Gateway or a function URL."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, ClassVar, Literal

from phasegate import Exchange, Finding, Response, Services
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest

from .authorization import AUTHORIZATION, Authorization, carries_signature, remove_client_signature
from .credentials import CredentialsUnavailable, Keys
from .mismatch import mismatch
from .refusal import clock_error_seconds, hide, is_of_keys, read_refusal
from .sharing import Lease
from .signer import NEVER_SIGNED, Signer

# What API Gateway renames in a function's answer, and what becomes of it here ("Amazon API Gateway important notes",
# AWS documentation); the length is the transport's own affair.
_REMAPPED = {
    b"x-amzn-remapped-www-authenticate": b"www-authenticate",
    b"x-amzn-remapped-date": b"date",
}
_REMAPPED_DROPPED = b"x-amzn-remapped-content-length"

# Where an exchange has what was signed, the hash of its payload, and by what keys.
_SIGNED = "aws-lambda.signed"

_RENAMED = frozenset({*_REMAPPED, _REMAPPED_DROPPED})

_SHA256_OF_NOTHING = hashlib.sha256(b"").hexdigest()

_HEADER_NAME = {"type": "string", "regex": "[A-Za-z0-9_-]+", "meta": {"expected": "a header name"}}


@dataclass(kw_only=True)
class AwsLambda(FunctionPlugin):
    """Calls a function over HTTP, with an API key, a Signature Version 4, or both.

    The function's status, headers and body go to the client as they are. Field names, defaults and bounds are those of
    APISIX's plugin; what is added beside them is said in the documentation of each field.
    """

    name: ClassVar[str] = "aws-lambda"
    priority: ClassVar[int] = -1899
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "mode": {"type": "string", "available": ["http"], "default": "http"},
        "authorization": AUTHORIZATION,
        "sign_location": {"type": "string", "allowed": ["header", "query"], "default": "header"},
        "signed_headers": {"type": "list", "schema": _HEADER_NAME, "default": []},
    }

    mode: Literal["http"]
    authorization: Authorization = field(default_factory=Authorization)
    sign_location: Literal["header", "query"]
    signed_headers: tuple[str, ...]

    def check(self) -> Iterable[Finding]:
        """Judge the credentials: all that `mode` asks for, none in clear text, none for another region."""
        findings = [*super().check(), *self.authorization.check(), *self._unsignable()]
        yield from findings
        if any(finding.level == "error" for finding in findings):
            return
        target = self.target()
        if self.authorization.iam is not None:
            yield from self.authorization.iam.contradictions(target.hostname)
        if target.scheme == "http" and self._has_credentials and not _is_loopback(target.address):
            yield Finding("function_uri", "is plain http: everybody on the way can read the credentials", "warning")

    async def open(self, services: Services) -> None:
        """Make the signer, which keeps its key of the day, and find what it signs with."""
        await super().open(services)
        self._skew_seconds = 0.0
        self._signer = self._make_signer() if self.authorization.signs else None
        self._keys, self._lease = self.authorization.keys, None
        source = self.authorization.source(self.target().hostname)
        if source is not None:
            self._lease = await Lease.take(source, services)

    async def close(self) -> None:
        """Give back where keys come from."""
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Add the key, the signature, or both, in the place of the client's own, unless those are to be forwarded."""
        keeps_key = self.forward_client_credentials and request.get(b"x-api-key") is not None
        if self.authorization.apikey is not None and self.authorization.sends_key and not keeps_key:
            request.set(b"x-api-key", self.authorization.apikey.value.encode())
        if self._signer is None or (self.forward_client_credentials and carries_signature(request)):
            return
        remove_client_signature(request, exchange)
        data = request.body.data
        if data is None:
            payload = await request.body.sha256()
        else:
            payload = hashlib.sha256(data).hexdigest() if data else _SHA256_OF_NOTHING
        now = self.clock.time() + self._skew_seconds
        keys = self._keys or await self._provided(now)
        self._signer.sign(request, payload, now, keys)
        exchange.state[_SIGNED] = request, payload, keys

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Undo API Gateway's renaming; where AWS refuses our signature for our clock, ask for one more try by its own."""
        signed = exchange.state.get(_SIGNED)
        refusal = None if signed is None else await read_refusal(answer)
        if signed is not None and refusal is not None:
            request, payload, keys = signed
            if self._correct_clock(answer, refusal) or await self._renewed(answer, keys):
                return None
            self._explain(request, payload, refusal)
            if keys.session_token is not None:
                hide(answer, keys.session_token)
        answer.headers.raw = _restored(answer.headers.raw)
        return answer

    async def _provided(self, now: float) -> Keys:
        """Return keys that hold, waiting for the first ones as for an answer. Raise CredentialsUnavailable."""
        if self._lease is None:
            raise CredentialsUnavailable("this configuration is not open any more")
        return await self._lease.provider.get(now, self.timeout / 1000)

    async def _renewed(self, answer: Answer, refused: Keys) -> bool:
        """Tell whether AWS refuses the keys and there are others now."""
        if self._lease is None or not is_of_keys(answer):
            return False
        return await self._lease.provider.renew(refused, self.timeout / 1000)

    def _explain(self, request: FunctionRequest, payload: str, refusal: bytes) -> None:
        """Log where AWS's computation of a signature departs from ours, when it tells."""
        if self._signer is None:
            return
        found = mismatch(refusal, self._signer.account(request, payload))
        if found is not None:
            fields = {"line": found.line, "ours": found.ours, "theirs": found.theirs, "address": self._target.address}
            self.logger.error("signature does not match", extra=fields)

    def _correct_clock(self, answer: Answer, refusal: bytes) -> bool:
        """Tell whether the clock was why AWS refused and another offset than the present one would be right."""
        found = clock_error_seconds(answer, refusal, self.clock.time())
        if found is None or abs(found - self._skew_seconds) <= 1:
            return False
        self._skew_seconds = found
        self.logger.warning("clock differs from AWS", extra={"skew_seconds": round(found, 1)})
        return True

    @property
    def _has_credentials(self) -> bool:
        return self.authorization.sends_key or self.authorization.signs

    def _unsignable(self) -> Iterable[Finding]:
        for index, name in enumerate(self.signed_headers):
            if name.lower().encode() in NEVER_SIGNED:
                message = f"{name!r} can't be signed, since hops on the way change it: leave it out"
                yield Finding(f"signed_headers[{index}]", message)

    def _make_signer(self) -> Signer | None:
        iam = self.authorization.iam
        if iam is None:
            return None
        return Signer(
            endpoint=iam.endpoint(self.target().hostname),
            extra=frozenset(name.lower().encode() for name in self.signed_headers),
            location=self.sign_location,
        )


def _restored(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the fields with API Gateway's renaming undone, each taking the place of what stands under its own name."""
    if _RENAMED.isdisjoint(map(itemgetter(0), fields)):
        return fields
    replaced = {_REMAPPED[name] for name, _ in fields if name in _REMAPPED}
    return [
        (_REMAPPED.get(name, name), value)
        for name, value in fields
        if name not in replaced and name != _REMAPPED_DROPPED
    ]


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0] if not address.endswith("]") and ":" in address else address
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
