"""A clock that goes wrong: what AWS says of it, and by how much."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from phasegate.faas import Answer

_ERRORS = ("RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired")
_SIGNS = (b"RequestTimeTooSkewed", b"Signature expired", b"Signature not yet current")
_READ_LIMIT_BYTES = 16_384


async def skew_seconds(answer: Answer, now: float) -> float | None:
    """Return how far AWS's clock is ahead of ours, when that is why it refuses the request; None for any other answer.

    Only an answer with AWS's own `x-amzn-ErrorType` counts: a function may answer 403 for reasons of its own. The body is
    read for it and put back.
    """
    error_type = answer.headers.get("x-amzn-errortype", "") or ""
    date = answer.headers.get("date")
    if answer.status != 403 or date is None or not error_type.startswith(_ERRORS):
        return None
    length = answer.headers.get("content-length", "") or ""
    if not length.isdigit() or int(length) > _READ_LIMIT_BYTES:
        return None
    body = await answer.read()
    answer.body = body
    if not any(sign in body for sign in _SIGNS) and not error_type.startswith("RequestTimeTooSkewed"):
        return None
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return None
