"""`hmac-auth`: the caller signs each request with a key that both know."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import ClassVar

from phasegate import Exchange, Finding, Outcome, Request, Services, hookimpl

from .nonces import Nonces
from .plugin import AuthPlugin, fields
from .signature import TARGET, Signature, SignatureError, is_signature, signature_of

_DIGESTS = {"hmac-sha1": "sha1", "hmac-sha256": "sha256", "hmac-sha512": "sha512"}
_HEADER = {"type": "string", "regex": "[A-Za-z0-9_-]+"}
# What signatures of keys that nobody has are checked with, so that they cost what others cost.
_NOBODY = "0" * 32
_LONGEST_NONCE = 128


@dataclass(kw_only=True)
class HmacAuth(AuthPlugin):
    """Finds the consumer whose `key_id` a signature names, and checks it over the request as it was received.

    A signature must be over the target and the date at least, and over the digest of the body where that is checked.
    """

    name: ClassVar[str] = "hmac-auth"
    priority: ClassVar[int] = 2530
    scheme: ClassVar[str] = "hmac"
    missing: ClassVar[str] = "Missing authorization in request"
    wrong: ClassVar[str] = "client request can't be validated"
    schema: ClassVar = {
        "allowed_algorithms": {
            "type": "list",
            "minlength": 1,
            "schema": {"type": "string", "allowed": list(_DIGESTS)},
            "default": ["hmac-sha256", "hmac-sha512"],
            "about": "The algorithms that signatures may have.",
        },
        "clock_skew": {"type": "integer", "min": 1, "default": 300, "about": "Seconds that Date may be away from now."},
        "signed_headers": {
            "type": "list",
            "schema": _HEADER,
            "default": ["date"],
            "about": "What a signature must be over, beside the target and the date.",
        },
        "validate_request_body": {
            "type": "boolean",
            "default": False,
            "about": "Have the body be what a signed Digest says.",
        },
        "max_req_body": {
            "type": "integer",
            "min": 1,
            "default": 524_288,
            "about": "Bytes of a body that is checked; over it the answer is 413.",
        },
        "nonce_header": {**_HEADER, "about": "A header that must be signed and never repeat while its date counts."},
        **fields("hmac"),
    }
    consumer_schema: ClassVar = {
        "key_id": {
            "type": "string",
            "required": True,
            "regex": "[!#-~]([ !#-~]*[!#-~])?",
            "maxlength": 256,
            "about": "What the consumer's signatures name; no two have the same.",
        },
        "secret_key": {
            "type": "string",
            "required": True,
            "minlength": 1,
            "maxlength": 256,
            "secret": True,
            "about": "What the consumer signs with.",
        },
    }
    consumer_key: ClassVar[str | None] = "key_id"

    allowed_algorithms: tuple[str, ...]
    clock_skew: int
    signed_headers: tuple[str, ...]
    validate_request_body: bool
    max_req_body: int
    nonce_header: str | None = None

    def check(self) -> Iterable[Finding]:
        """Warn of an algorithm that is weak."""
        if "hmac-sha1" in self.allowed_algorithms:
            yield Finding("allowed_algorithms", "has hmac-sha1, which is weak: use hmac-sha256", "warning")

    async def open(self, services: Services) -> None:
        """Take what requests need, and decide whatever does not depend on them."""
        await super().open(services)
        asked = {TARGET, "date", *map(str.lower, self.signed_headers)}
        self._asked = asked | ({"digest"} if self.validate_request_body else set())
        if self.nonce_header is not None:
            self._asked.add(self.nonce_header.lower())
        self._nonces = Nonces(services.clock, 2.0 * self.clock_skew)

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Check the signature, and only once it holds the body and the nonce."""
        original = exchange.original
        given = original.headers.get_all("authorization")
        if not any(map(is_signature, given)):
            return self.absent()
        if len(given) > 1:
            return self.invalid(f"{len(given)} Authorization fields in one request")
        try:
            return await self._judged(signature_of(given[0]), original)
        except SignatureError as error:
            return self.invalid(str(error))

    def conceal(self, request: Request) -> None:
        """Take the signature out of the request, so that no upstream sees it."""
        headers = request.headers
        if self.hide_credentials and "authorization" in headers:
            headers.raw = [
                field
                for field in headers.raw
                if field[0] != b"authorization" or not is_signature(field[1].decode("latin-1"))
            ]

    async def _judged(self, signature: Signature, request: Request) -> Outcome:
        self._judge_scope(signature)
        found = self.consumers.find(self.name, signature.key_id)
        secret = str(found[1].config["secret_key"]) if found else _NOBODY
        expected = hmac.digest(secret.encode(), signature.text(request), _DIGESTS[signature.algorithm])
        if not hmac.compare_digest(expected, signature.value) or found is None:
            return self.invalid("no consumer has this key id" if found is None else "the signature is another")
        self._judge_date(request)
        if self.validate_request_body:
            await self._judge_body(request)
        self._judge_nonce(signature, request)
        return Outcome.ok(*found)

    def _judge_scope(self, signature: Signature) -> None:
        if signature.algorithm not in self.allowed_algorithms:
            raise SignatureError("its algorithm is not allowed here")
        missing = sorted(self._asked - signature.signed)
        if missing:
            raise SignatureError(f"it is not over {missing[0]}")

    def _judge_date(self, request: Request) -> None:
        try:
            moment = parsedate_to_datetime(request.headers.get("date", "") or "")
            # What names no zone, or `-0000`, is in UTC (RFC 5322 section 3.3), wherever this machine stands.
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError) as error:
            raise SignatureError("its date is none") from error
        if abs(self.clock.time() - seconds) > self.clock_skew:
            raise SignatureError(f"its date is more than {self.clock_skew} s away")

    async def _judge_body(self, request: Request) -> None:
        """Compare the body with its `Digest` (RFC 3230). Raise PayloadTooLarge for one over the limit."""
        listed = [item.strip().partition("=") for item in (request.headers.get("digest") or "").split(",")]
        told = [value for name, _, value in listed if name.lower() == "sha-256"]
        await request.body.hold(self.max_req_body)
        real = base64.b64encode(binascii.unhexlify(await request.body.sha256()))
        if len(told) != 1 or not hmac.compare_digest(real, told[0].encode("latin-1")):
            raise SignatureError("the digest is not the body's")

    def _judge_nonce(self, signature: Signature, request: Request) -> None:
        if self.nonce_header is None:
            return
        nonce = request.headers.get(self.nonce_header) or ""
        if not 0 < len(nonce) <= _LONGEST_NONCE:
            raise SignatureError("its nonce is none")
        if not self._nonces.is_new(signature.key_id, nonce):
            raise SignatureError("its nonce was used before")
