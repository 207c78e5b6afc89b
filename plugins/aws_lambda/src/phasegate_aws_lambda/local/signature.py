"""What a request says of its signature: read from `Authorization` or from the query's `X-Amz-*` fields.

Error names and texts are those that AWS's services were seen to send; each is answered with 403.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .events import query_pairs
from .received import Received

_ALGORITHM = "AWS4-HMAC-SHA256"
_QUERY_FIELDS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_HEADER_FIELDS = ("Credential", "Signature", "SignedHeaders")
_BASIC_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_CREDENTIAL_PARTS = 5
_SECONDS = re.compile(r"[0-9]{1,6}")
_WEEK_SECONDS = 604_800


class SignatureError(Exception):
    """A request whose signature is missing, unreadable or wrong."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature and what it was made with. `signed_headers` are lower-case and sorted, `time` is Unix seconds.

    `lifetime_seconds` is None for a header; a query says how long it may be used.
    """

    algorithm: str
    credential: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    time: float
    token: str | None
    lifetime_seconds: int | None = None

    def scope(self) -> tuple[str, str, str, str, str]:
        """Return access key, date, region, service and terminator. Raise SignatureError when they are not five."""
        parts = self.credential.split("/")
        if self.algorithm != _ALGORITHM:
            raise incomplete(f"Unsupported AWS 'algorithm': '{self.algorithm}' (only {_ALGORITHM} for now). ")
        if len(parts) != _CREDENTIAL_PARTS:
            raise incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                f"got '{self.credential}'"
            )
        key, date, region, service, terminator = parts
        return key, date, region, service, terminator


def incomplete(message: str) -> SignatureError:
    """Return the error for a signature that can't be read."""
    return SignatureError("IncompleteSignatureException", message)


def invalid(message: str) -> SignatureError:
    """Return the error for a signature that does not hold."""
    return SignatureError("InvalidSignatureException", message)


def signature_of(request: Received) -> Signature:
    """Return the signature of a request. Raise SignatureError when there is none, or two, or one that can't be read."""
    headers = [value for name, value in request.fields() if name.lower() == "authorization"]
    query = dict(query_pairs(request))
    if headers and "X-Amz-Algorithm" in query:
        raise invalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
    if headers:
        return _from_header(request, ", ".join(headers))
    if "X-Amz-Algorithm" in query:
        return _from_query(query)
    raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")


def _from_header(request: Received, header: str) -> Signature:
    algorithm, _, rest = header.partition(" ")
    fields = _parameters(rest, header)
    date = request.header("x-amz-date") or request.header("date")
    missing = [f"Authorization header requires '{name}' parameter." for name in _HEADER_FIELDS if not fields.get(name)]
    if not date:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        hashed = f"(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(header)}"
        raise incomplete(" ".join([*missing, hashed]))
    moment = _moment(date)
    return Signature(
        algorithm=algorithm,
        credential=fields["Credential"],
        signed_headers=_names(fields["SignedHeaders"]),
        value=fields["Signature"],
        timestamp=moment.strftime(_DATE_FORMAT),
        time=moment.timestamp(),
        token=request.header("x-amz-security-token") or None,
    )


def _from_query(query: Mapping[str, str]) -> Signature:
    missing = [f"AWS query-string parameters must include '{name}'." for name in _QUERY_FIELDS if not query.get(name)]
    if missing:
        raise incomplete(" ".join([*missing, "Re-examine the query-string parameters."]))
    moment = _moment(query["X-Amz-Date"])
    return Signature(
        algorithm=query["X-Amz-Algorithm"],
        credential=query["X-Amz-Credential"],
        signed_headers=_names(query["X-Amz-SignedHeaders"]),
        value=query["X-Amz-Signature"],
        timestamp=moment.strftime(_DATE_FORMAT),
        time=moment.timestamp(),
        token=query.get("X-Amz-Security-Token"),
        lifetime_seconds=_lifetime(query.get("X-Amz-Expires", "300")),
    )


def _parameters(text: str, header: str) -> dict[str, str]:
    """Return the `name=value` list of an `Authorization` header."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs) or not pairs:
        raise incomplete(
            "Invalid key=value pair (missing equal-sign) in Authorization header "
            f"(hashed with SHA-256 and encoded with Base64): '{_hashed(header)}'."
        )
    return {name: value for name, _, value in pairs}


def _hashed(header: str) -> str:
    return base64.b64encode(hashlib.sha256(header.encode("latin-1")).digest()).decode()


def _names(listed: str) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for name in listed.split(";") if name}))


def _moment(text: str) -> datetime:
    """Return the time of a request; `Date` may have HTTP's own form."""
    try:
        if _BASIC_DATE.fullmatch(text):
            return datetime.strptime(text, _DATE_FORMAT).replace(tzinfo=UTC)
        moment = parsedate_to_datetime(text)
        # What names no zone, or `-0000`, is in UTC (RFC 5322 section 3.3), wherever this machine stands.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        message = f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        raise incomplete(message) from error


def _lifetime(text: str) -> int:
    if not _SECONDS.fullmatch(text) or not 0 < int(text) <= _WEEK_SECONDS:
        raise incomplete(f"X-Amz-Expires must be a number of seconds from 1 to {_WEEK_SECONDS}")
    return int(text)
