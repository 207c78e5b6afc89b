"""AWS's own refusal of a signature: what it says of our clock, and what it must not say to a client."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from urllib.parse import quote

from phasegate import Secret
from phasegate.faas import Answer

_MASK = b"***"
_CLOCK_ERROR = "RequestTimeTooSkewed"
_SIGNATURE_ERRORS = ("InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired")
_CLOCK_TEXTS = (b"Signature expired", b"Signature not yet current")
_READ_LIMIT_BYTES = 65_536


async def read_refusal(answer: Answer) -> bytes | None:
    """Return the body of an answer in which AWS itself refuses a request, and leave it there; None for any other.

    Only a 403 with AWS's `x-amzn-ErrorType` counts: a function may answer 403 for reasons of its own.
    """
    length = answer.headers.get("content-length") or ""
    if answer.status != 403 or "x-amzn-errortype" not in answer.headers or not length.isdigit():
        return None
    if int(length) > _READ_LIMIT_BYTES:
        return None
    body = await answer.read()
    answer.body = body
    return body


def clock_error_seconds(answer: Answer, body: bytes, now: float) -> float | None:
    """Return how far AWS's clock is ahead of ours, when that is why it refuses; None for another reason."""
    error_type, date = answer.headers.get("x-amzn-errortype") or "", answer.headers.get("date")
    tells_time = error_type.startswith(_SIGNATURE_ERRORS) and any(text in body for text in _CLOCK_TEXTS)
    if date is None or not (tells_time or error_type.startswith(_CLOCK_ERROR)):
        return None
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return None


def without_token(body: bytes, token: Secret | None) -> bytes:
    """Return the body without our session token, which AWS repeats when it explains why a signature does not match."""
    if token is None:
        return body
    spellings = (token.value, quote(token.value, safe=""), token.value.replace("/", "\\/"))
    for spelling in spellings:
        body = body.replace(spelling.encode(), _MASK)
    return body
