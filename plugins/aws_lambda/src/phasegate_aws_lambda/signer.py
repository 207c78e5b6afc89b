"""Signature Version 4: what a request needs so that AWS knows who sent it and that nobody changed it."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from hashlib import sha256
from operator import itemgetter
from typing import Literal, NamedTuple
from urllib.parse import quote

from phasegate.faas import FunctionRequest

from .canonical import (
    canonical_headers,
    canonical_query,
    content_type_line,
    joined,
    path_forms,
    query_forms,
    tidy_block,
    wire_query,
)
from .credentials import Keys
from .endpoint import Endpoint
from .keyed_hash import KeyedHash
from .signed_fields import NEVER_SIGNED, choice_of, content_type_place

SHA256_OF_NOTHING = sha256(b"").hexdigest()

_ALGORITHM = "AWS4-HMAC-SHA256"
_QUERY_LIFETIME_SECONDS = 300

_Own = tuple[tuple[bytes, bytes], ...]

_NAME_OF = itemgetter(0)

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


class _Headers:
    """What the signatures of a moment have in common that are over the same headers, as text around what differs."""

    __slots__ = ("end", "of_nothing", "value")

    def __init__(self, begin: str, dated: tuple[str, str], names: str, credential: str) -> None:
        names = f"{names};{dated[1]}"
        self.end = f"\n{dated[0]}\n{names}\n"
        """What the canonical request has between the hash of the payload in a header, and that at its end."""
        self.of_nothing = f"{begin}{SHA256_OF_NOTHING}{self.end}{SHA256_OF_NOTHING}"
        """All that it has behind the content type where there is no payload."""
        self.value = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature=".encode()
        """What `authorization` has before the signature."""


@dataclass(frozen=True, slots=True, repr=False)
class _Moment:
    """What the signatures of one second have in common that are made with the same keys for the same host."""

    seconds: float
    keys: Keys
    host: str
    stamp: str
    own: _Own
    """The fields of each signature that say when it was made, and by the token of which session."""
    own_of_nothing: _Own
    """The same behind the hash of a payload that is empty, as most are."""
    credential: str
    key: KeyedHash
    """What signs; it has taken in what the string to sign has before the hash."""
    begin: str
    """The header block up to the hash of the payload."""
    plain: _Headers
    typed: _Headers
    """Of requests without a `content-type`, and with one, that have no other header to sign."""

    def sign(self, canonical: str) -> bytes:
        """Return the signature of a canonical request."""
        return self.key.hexdigest(sha256(canonical.encode()).hexdigest().encode()).encode()


@dataclass(slots=True, kw_only=True)
class Signer:
    """Signs requests for one region and service.

    `extra` names headers to sign beside those that must be. `location` puts the signature into headers or into the query.
    """

    endpoint: Endpoint
    extra: frozenset[bytes] = frozenset()
    location: Literal["header", "query"] = "header"
    _normalises: bool = field(init=False, repr=False)
    _moment: _Moment | None = field(default=None, repr=False)
    _day_key: tuple[tuple[str, str], bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra -= NEVER_SIGNED
        self._normalises = self.endpoint.service != "s3"

    def sign(
        self,
        request: FunctionRequest,
        payload_sha256: str,
        now: float,
        keys: Keys,
        place: int | None = None,
    ) -> None:
        """Bring the request into its wire form and sign it with these keys; `now` is in seconds since 1970.

        `place` is what `content_type_place` says of it, where that is known. Nothing may touch the request's method, path,
        query, body or signed headers afterwards.
        """
        moment = self._moment
        if (
            moment is None
            or not 0.0 <= now - moment.seconds < 1.0
            or moment.keys is not keys
            or moment.host != request.host
        ):
            moment = self._moment = self._moment_of(int(now), keys, request.host)
        uri = request.path
        if self._normalises:
            request.path, uri = path_forms(uri)
        if self.location == "query":
            self._sign_query(request, uri, payload_sha256, moment)
            return
        if place is None:
            place = content_type_place(tuple(map(_NAME_OF, request.headers)), self.extra)
        if place is None:
            self._sign_all_headers(request, uri, payload_sha256, moment)
        else:
            _sign_headers(request, uri, payload_sha256, moment, place)

    def account(self, request: FunctionRequest, payload_sha256: str) -> Account:
        """Return what the signature of a request that was signed here was made of."""
        query = dict(pairs := wire_query(request.query))
        stamp = query.get("X-Amz-Date") or (request.get(b"x-amz-date") or b"").decode("latin-1")
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
        headers = self._signed_headers(request)
        uri = path_forms(request.path)[1] if self._normalises else request.path
        canonical = _canonical(request, uri, canonical_query(pairs), headers, payload_sha256)
        return Account(canonical, self._to_sign(stamp) + sha256(canonical.encode()).hexdigest())

    def _sign_all_headers(self, request: FunctionRequest, uri: str, payload: str, moment: _Moment) -> None:
        """Sign a request that has further headers to sign, or some of ours."""
        request.query, query = query_forms(request.query)
        own = _with_payload(payload, moment.own)
        request.remove(b"authorization", *map(_NAME_OF, own))
        request.headers += own
        headers = self._signed_headers(request)
        signature = moment.sign(_canonical(request, uri, query, headers, payload))
        value = f"{_ALGORITHM} Credential={moment.credential}, SignedHeaders={headers[1]}, Signature="
        request.headers.append((b"authorization", value.encode() + signature))

    def _sign_query(self, request: FunctionRequest, uri: str, payload: str, moment: _Moment) -> None:
        headers, token = self._signed_headers(request), moment.keys.session_token
        fields = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": moment.credential,
            "X-Amz-Date": moment.stamp,
            "X-Amz-Expires": str(_QUERY_LIFETIME_SECONDS),
            "X-Amz-SignedHeaders": headers[1],
        }
        if token is not None:
            fields["X-Amz-Security-Token"] = token.value
        own = [(name, quote(value, safe="-_.~")) for name, value in fields.items()]
        pairs = [*wire_query(request.query), *own]
        signature = moment.sign(_canonical(request, uri, canonical_query(pairs), headers, payload))
        request.query = joined([*pairs, ("X-Amz-Signature", signature.decode())])

    def _signed_headers(self, request: FunctionRequest) -> tuple[str, str]:
        fields = [(b"host", request.host.encode("ascii")), *request.headers]
        choice = choice_of(tuple(map(_NAME_OF, fields)), self.extra)
        chosen = choice.of(fields)
        block = tidy_block(chosen)
        return canonical_headers(chosen) if block is None or choice.names is None else (block, choice.names)

    def _moment_of(self, seconds: int, keys: Keys, host: str) -> _Moment:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
        credential = f"{keys.access_key}/{self._scope(stamp)}"
        key = KeyedHash(self._key_of_day(stamp[:8], keys.secret_key.value), self._to_sign(stamp).encode())
        date, token = (b"x-amz-date", stamp.encode()), keys.session_token
        own: _Own = (date,) if token is None else (date, (b"x-amz-security-token", token.value.encode()))
        begin, dated = f"host:{host}\nx-amz-content-sha256:", canonical_headers(own)
        return _Moment(
            *(float(seconds), keys, host, stamp, own, _with_payload(SHA256_OF_NOTHING, own), credential, key, begin),
            plain=_Headers(begin, dated, "host;x-amz-content-sha256", credential),
            typed=_Headers(begin, dated, "content-type;host;x-amz-content-sha256", credential),
        )

    def _to_sign(self, stamp: str) -> str:
        return f"{_ALGORITHM}\n{stamp}\n{self._scope(stamp)}\n"

    def _scope(self, stamp: str) -> str:
        return f"{stamp[:8]}/{self.endpoint.region}/{self.endpoint.service}/aws4_request"

    def _key_of_day(self, day: str, secret: str) -> bytes:
        if self._day_key is None or self._day_key[0] != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self.endpoint.region, self.endpoint.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day_key = (day, secret), key
        return self._day_key[1]


def _sign_headers(request: FunctionRequest, uri: str, payload: str, moment: _Moment, place: int) -> None:
    """Sign a request that has no header to sign beside those that must be."""
    request.query, query = query_forms(request.query)
    headers, line = moment.plain, ""
    if place >= 0:
        headers, line = moment.typed, content_type_line(request.headers[place][1])
    if payload == SHA256_OF_NOTHING:
        own, rest = moment.own_of_nothing, headers.of_nothing
    else:
        own, rest = _with_payload(payload, moment.own), f"{moment.begin}{payload}{headers.end}{payload}"
    signature = moment.sign(f"{request.method}\n{uri}\n{query}\n{line}{rest}")
    fields = request.headers
    fields += own
    fields.append((b"authorization", headers.value + signature))


def _with_payload(digest: str, own: _Own) -> _Own:
    return (b"x-amz-content-sha256", digest.encode()), *own


def _canonical(request: FunctionRequest, uri: str, query: str, headers: tuple[str, str], payload: str) -> str:
    return f"{request.method}\n{uri}\n{query}\n{headers[0]}\n{headers[1]}\n{payload}"
