"""Verifies Signature Version 4 the way AWS's own endpoints do, from the bytes of a request.

It shares no code with any signer, so that a signer can be tested against it. The checks and their order are those that
AWS's services were seen to make; a wrong signature is answered with the canonical request that would have been right.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime

from .canonical import canonical_request
from .keys import Credentials
from .received import Received
from .signature import Signature, SignatureError, invalid, signature_of

_TERMINATOR = "aws4_request"
_WINDOW_SECONDS = 300
_OTHER_DATE = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Verifier:
    """Knows one key pair and checks what claims to be signed with it, for one region and service."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        region: str,
        service: str = "lambda",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._clock = clock

    def verify(self, request: Received) -> str:
        """Return the access key that signed the request. Raise SignatureError with AWS's name and text."""
        signature = signature_of(request)
        self._check_time(signature)
        _check_signed_headers(request, signature)
        self._check_scope(signature)
        self._check_signature(request, signature)
        self._check_token(signature)
        return self._credentials.access_key

    def _check_time(self, signature: Signature) -> None:
        """Allow five minutes of difference both ways; a query that says how long it lasts may be older."""
        now = self._clock()
        lifetime = signature.lifetime_seconds or _WINDOW_SECONDS
        if signature.time < now - lifetime:
            limits = f"{_stamp(now - lifetime)} ({_stamp(now)} - {lifetime / 60:g} min.)"
            raise invalid(f"Signature expired: {signature.timestamp} is now earlier than {limits}")
        if signature.time > now + _WINDOW_SECONDS:
            limits = f"{_stamp(now + _WINDOW_SECONDS)} ({_stamp(now)} + {_WINDOW_SECONDS / 60:g} min.)"
            raise invalid(f"Signature not yet current: {signature.timestamp} is still later than {limits}")

    def _check_scope(self, signature: Signature) -> None:
        key, date, region, service, terminator = signature.scope()
        today = signature.timestamp[:8]
        checks = (
            (region == self._region, "Credential should be scoped to a valid region. "),
            (service == self._service, f"Credential should be scoped to correct service: '{self._service}'. "),
            (terminator == _TERMINATOR, f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'. "),
            (date == today, f"{_OTHER_DATE}: '{date}' != '{today}', from '{signature.timestamp}'. "),
        )
        wrong = "".join(message for holds, message in checks if not holds)
        if wrong:
            raise invalid(wrong)
        if not hmac.compare_digest(key.encode(), self._credentials.access_key.encode()):
            raise _unknown()

    def _check_signature(self, request: Received, signature: Signature) -> None:
        """Compare with the signature over the body as it came, whatever hash of it the request states."""
        body_hash = hashlib.sha256(request.body).hexdigest()
        own_field = "" if signature.lifetime_seconds is None else "X-Amz-Signature"
        canonical = canonical_request(request, signature.signed_headers, body_hash, own_field)
        scope = "/".join(signature.scope()[1:])
        to_sign = f"AWS4-HMAC-SHA256\n{signature.timestamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
        expected = hmac.new(self._signing_key(signature), to_sign.encode(), "sha256").hexdigest()
        stated = request.header("x-amz-content-sha256", body_hash)
        matches = hmac.compare_digest(expected.encode(), signature.value.encode())
        if not matches or not hmac.compare_digest(stated.encode("latin-1"), body_hash.encode()):
            raise invalid(_explained(canonical, to_sign))

    def _signing_key(self, signature: Signature) -> bytes:
        key = b"AWS4" + self._credentials.secret_key.encode()
        for part in signature.scope()[1:]:
            key = hmac.new(key, part.encode(), "sha256").digest()
        return key

    def _check_token(self, signature: Signature) -> None:
        expected, sent = self._credentials.session_token or "", signature.token or ""
        if not hmac.compare_digest(sent.encode(), expected.encode()):
            raise _unknown()


def _check_signed_headers(request: Received, signature: Signature) -> None:
    """Ask for `host` and for every `x-amz-*` header that is there, and let no header be signed that is not."""
    if "host" not in signature.signed_headers:
        raise invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    present = {name.lower() for name, _ in request.fields()}
    unsigned = sorted(name for name in present if name.startswith("x-amz-") and name not in signature.signed_headers)
    if unsigned:
        raise invalid(" ".join(f"'{name}' must be a 'SignedHeader' in the AWS Authorization." for name in unsigned))
    if not present.issuperset(signature.signed_headers):
        raise invalid(_MISMATCH)


def _unknown() -> SignatureError:
    return SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.")


def _explained(canonical: bytes, to_sign: str) -> str:
    """Return what AWS answers to a wrong signature: what it computed itself, which holds nothing but the request."""
    return (
        f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n"
        f"'{canonical.decode('utf-8', 'replace')}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
    )


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
