"""Signature Version 4: what a request needs so that AWS knows who sent it and that nobody changed it."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote

from phasegate.faas import FunctionRequest

from .canonical import Pairs, canonical_headers, canonical_query, canonical_uri, joined, merge_slashes, wire_query
from .credentials import Keys
from .endpoint import Endpoint
from .keyed_hash import KeyedHash

_ALGORITHM = "AWS4-HMAC-SHA256"
_QUERY_LIFETIME_SECONDS = 300

# Fields that hops rewrite or drop, so that a signature over them would break (botocore leaves out the same, but for those
# that only a gateway adds).
NEVER_SIGNED = frozenset(
    {
        b"accept-encoding",
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
        b"via",
        b"x-amzn-trace-id",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
    }
)

# The query fields of a presigned request ("Authenticating Requests: Using Query Parameters", AWS documentation).
SIGNATURE_QUERY = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


class Account(NamedTuple):
    """What a signature is made of: the canonical request, and the string to sign, which has its hash."""

    canonical: str
    to_sign: str


@dataclass(slots=True, kw_only=True)
class Signer:
    """Signs requests for one region and service.

    `extra` names headers to sign beside those that must be. `location` puts the signature into headers or into the query.
    """

    endpoint: Endpoint
    extra: frozenset[bytes] = frozenset()
    location: Literal["header", "query"] = "header"
    _normalises: bool = field(init=False, repr=False)
    _day_scope: tuple[str, str] = field(default=("", ""), repr=False)
    _day_key: tuple[tuple[str, str], KeyedHash] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra -= NEVER_SIGNED
        self._normalises = self.endpoint.service != "s3"

    def sign(self, request: FunctionRequest, payload_sha256: str, now: float, keys: Keys) -> None:
        """Bring the request into its wire form and sign it with these keys; `now` is in seconds since 1970.

        Nothing may touch the request's method, path, query, body or signed headers afterwards.
        """
        stamp = _stamp(int(now))
        pairs = wire_query(request.query)
        if self._normalises:
            request.path = merge_slashes(request.path)
        if self.location == "query":
            self._sign_query(request, pairs, payload_sha256, stamp, keys)
        else:
            self._sign_headers(request, pairs, payload_sha256, stamp, keys)

    def account(self, request: FunctionRequest, payload_sha256: str) -> Account:
        """Return what the signature of a request that was signed here was made of."""
        query = dict(pairs := wire_query(request.query))
        stamp = query.get("X-Amz-Date") or (request.get(b"x-amz-date") or b"").decode("latin-1")
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
        canonical = self._canonical(request, pairs, self._signed_headers(request), payload_sha256)
        return Account(canonical, self._string_to_sign(canonical, stamp))

    def _sign_headers(self, request: FunctionRequest, pairs: Pairs, payload: str, stamp: str, keys: Keys) -> None:
        request.query = joined(pairs)
        request.set(b"x-amz-date", stamp.encode())
        request.set(b"x-amz-content-sha256", payload.encode())
        if keys.session_token is not None:
            request.set(b"x-amz-security-token", keys.session_token.value.encode())
        headers = self._signed_headers(request)
        signature = self._signature(self._canonical(request, pairs, headers, payload), stamp, keys)
        credential = f"{keys.access_key}/{self._scope(stamp)}"
        value = f"{_ALGORITHM} Credential={credential}, SignedHeaders={headers[1]}, Signature={signature}"
        request.set(b"authorization", value.encode())

    def _sign_query(self, request: FunctionRequest, pairs: Pairs, payload: str, stamp: str, keys: Keys) -> None:
        headers = self._signed_headers(request)
        fields = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{keys.access_key}/{self._scope(stamp)}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(_QUERY_LIFETIME_SECONDS),
            "X-Amz-SignedHeaders": headers[1],
        }
        if keys.session_token is not None:
            fields["X-Amz-Security-Token"] = keys.session_token.value
        pairs = [*pairs, *((name, quote(value, safe="-_.~")) for name, value in fields.items())]
        signature = self._signature(self._canonical(request, pairs, headers, payload), stamp, keys)
        request.query = joined([*pairs, ("X-Amz-Signature", signature)])

    def _signed_headers(self, request: FunctionRequest) -> tuple[str, str]:
        fields = [(b"host", request.host.encode("ascii"))]
        fields += [field for field in request.headers if _is_always_signed(field[0]) or field[0] in self.extra]
        return canonical_headers(fields)

    def _canonical(self, request: FunctionRequest, pairs: Pairs, headers: tuple[str, str], payload: str) -> str:
        uri = canonical_uri(request.path, escape_again=self._normalises)
        return "\n".join((request.method, uri, canonical_query(pairs), *headers, payload))

    def _signature(self, canonical: str, stamp: str, keys: Keys) -> str:
        text = self._string_to_sign(canonical, stamp)
        return self._key_of_day(stamp[:8], keys.secret_key.value).hexdigest(text.encode())

    def _string_to_sign(self, canonical: str, stamp: str) -> str:
        return f"{_ALGORITHM}\n{stamp}\n{self._scope(stamp)}\n{hashlib.sha256(canonical.encode()).hexdigest()}"

    def _scope(self, stamp: str) -> str:
        day = stamp[:8]
        if self._day_scope[0] != day:
            self._day_scope = day, f"{day}/{self.endpoint.region}/{self.endpoint.service}/aws4_request"
        return self._day_scope[1]

    def _key_of_day(self, day: str, secret: str) -> KeyedHash:
        if self._day_key is None or self._day_key[0] != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self.endpoint.region, self.endpoint.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day_key = (day, secret), KeyedHash(key)
        return self._day_key[1]


@lru_cache(maxsize=4)
def _stamp(seconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


@lru_cache(maxsize=4096)
def _is_always_signed(name: bytes) -> bool:
    if name in NEVER_SIGNED:
        return False
    return name in (b"host", b"content-type") or name.startswith(b"x-amz-")
