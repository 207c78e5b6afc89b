"""`aws-sigv4-auth`: the caller signs each request as AWS's clients do, with a key pair that its consumer holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import unquote_to_bytes

from phasegate import Consumer, Credential, Exchange, Outcome, Plugin, Query, Request, Services, hookimpl

from .local.canonical import canonical_path
from .local.keys import Credentials
from .local.received import Received
from .local.signature import SignatureError, signature_of
from .local.verifier import Verifier

_ALGORITHM = "AWS4-HMAC-SHA256"
_SLASHES = re.compile("/{2,}")
_NAME = {"type": "string", "regex": "[A-Za-z0-9_-]{1,64}"}
_SIGNED_HEADERS = ("x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
# What signatures of key pairs that nobody has are checked with, so that they cost what others cost.
_NOBODY = Credentials("", "0" * 40)
_MISSING, _WRONG = "Missing AWS signature in request", "Invalid AWS signature in request"


@dataclass(kw_only=True)
class AwsSigV4Auth(Plugin):
    """Finds the consumer whose `access_key_id` a Signature Version 4 names, and checks it over the request as received.

    The verifier is the local Lambda's: the rules, the five minutes that clocks may differ by among them, are AWS's own.
    """

    name: ClassVar[str] = "aws-sigv4-auth"
    priority: ClassVar[int] = 2535
    schema: ClassVar = {
        "region": {**_NAME, "about": "The region that must be signed for; without it any."},
        "service": {**_NAME, "default": "execute-api", "about": "The service that must be signed for."},
        "presigned": {
            "type": "boolean",
            "default": False,
            "about": "Take signatures in the query, too, for as long as they say.",
        },
        "max_req_body": {
            "type": "integer",
            "min": 0,
            "default": 1_048_576,
            "about": "Bytes of a body, which is hashed; over it the answer is 413.",
        },
        "hide_credentials": {
            "type": "boolean",
            "default": True,
            "about": "Take the credential out of the request before it goes on.",
        },
        "realm": {
            "type": "string",
            "regex": r"[ !#-\[\]-~]+",
            "default": "aws-sigv4",
            "about": "The realm that a 401 names.",
        },
        "anonymous_consumer": {
            "type": "string",
            "regex": "[A-Za-z0-9_-]{1,100}",
            "about": "The consumer that a request without any credential is from.",
        },
        "run_on_preflight": {
            "type": "boolean",
            "default": False,
            "about": "Ask the preflights of browsers, which have no credentials, for one, too.",
        },
    }
    consumer_schema: ClassVar = {
        "access_key_id": {
            "type": "string",
            "required": True,
            "regex": "[A-Za-z0-9_-]{1,128}",
            "about": "The id of the consumer's key pair; no two have the same.",
        },
        "secret_access_key": {
            "type": "string",
            "required": True,
            "minlength": 16,
            "maxlength": 256,
            "secret": True,
            "format": "header-value",
            "about": "The secret of the key pair.",
        },
        "session_token": {
            "type": "string",
            "empty": False,
            "secret": True,
            "about": "The token that belongs to a temporary key pair.",
        },
    }
    consumer_key: ClassVar[str | None] = "access_key_id"

    region: str | None = None
    service: str
    presigned: bool
    max_req_body: int
    hide_credentials: bool
    realm: str
    anonymous_consumer: str | None = None
    run_on_preflight: bool

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        self._consumers = services.consumers
        self._clock = services.clock
        self._challenge = f'{_ALGORITHM} realm="{self.realm}"'

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Check the signature over target, fields and body as they were received."""
        original = exchange.original
        if not _claims_to_be_signed(original):
            name = self.anonymous_consumer
            anonymous = None if name is None else self._consumers.named(name)
            return Outcome.absent(_MISSING, challenge=self._challenge, anonymous=anonymous)
        fields = len(original.headers.get_all("authorization"))
        if fields > 1:
            return self._invalid(f"{fields} Authorization fields in one request")
        received = _received(original, await original.body.read(self.max_req_body))
        if not _reads_as_signed(original, received):
            return self._invalid("the path is read as another than the signed one")
        try:
            return self._judged(received)
        except SignatureError as error:
            # What follows the first line is the canonical request, fields and all.
            return self._invalid(error.message.partition("\n")[0])

    def conceal(self, request: Request) -> None:
        """Take the signature out of the request, so that no upstream sees it."""
        if self.hide_credentials and _claims_to_be_signed(request):
            headers = request.headers
            headers.remove(*_SIGNED_HEADERS)
            headers.raw = [field for field in headers.raw if not _is_signature(*field)]
            request.query = _unsigned(request.query)

    def _judged(self, received: Received) -> Outcome:
        signature = signature_of(received)
        if signature.lifetime_seconds is not None and not self.presigned:
            return self._invalid("the signature stands in the query, where it is not taken")
        key, _, region, _, _ = signature.scope()
        found = self._consumers.find(self.name, key)
        verifier = Verifier(
            _credentials(key, found),
            region=self.region or region,
            service=self.service,
            clock=self._clock.time,
        )
        verifier.verify(received)
        return Outcome.ok(*found) if found else self._invalid("no consumer has this access key")

    def _invalid(self, reason: str) -> Outcome:
        return Outcome.invalid(_WRONG, challenge=self._challenge, reason=reason)


def _claims_to_be_signed(request: Request) -> bool:
    return any(_is_signature(*field) for field in request.headers.raw) or "X-Amz-Algorithm" in request.query


def _is_signature(name: bytes, value: bytes) -> bool:
    return name == b"authorization" and value.startswith(b"AWS4-")


def _received(request: Request, body: bytes) -> Received:
    target = request.raw_target
    if not target.startswith("/"):
        # The absolute form (RFC 9112 section 3.2.2): what is signed is the path, and the host is a field of its own.
        _, _, rest = target.partition("://")
        target = rest[len(rest.partition("/")[0].partition("?")[0]) :]
    whole = target if target.startswith("/") else f"/{target}"
    return Received(method=request.method, target=whole.encode("ascii"), headers=tuple(request.headers.raw), body=body)


def _reads_as_signed(request: Request, received: Received) -> bool:
    """Tell whether the path that a request takes is the one that its signature is over, repeated slashes aside.

    Signers merge slashes before they remove dot segments: `/x//../a` is signed as `/a`, and taken as `/x/a`.
    """
    signed = unquote_to_bytes(canonical_path(received.path)).decode("ascii")
    return request.with_path(signed).path == _SLASHES.sub("/", request.path)


def _credentials(key: str, found: tuple[Consumer, Credential] | None) -> Credentials:
    """Return the key pair to check with; where there is none, one that holds nothing."""
    if found is None:
        return Credentials(key, _NOBODY.secret_key)
    config = found[1].config
    token = config.get("session_token")
    return Credentials(key, str(config["secret_access_key"]), None if token is None else str(token))


def _unsigned(query: Query) -> Query:
    for name in {name for name, _ in query.pairs() if name.startswith("X-Amz-")}:
        query = query.without(name)
    return query
