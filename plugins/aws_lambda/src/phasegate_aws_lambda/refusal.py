"""AWS's own refusal of a signature: what it says of our clock, and what it must not say to a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from phasegate import Secret
from phasegate.faas import Answer

_MASK = b"***"
_CLOCK_ERROR = "RequestTimeTooSkewed"
_SIGNATURE_ERRORS = ("InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired")
_CLOCK_TEXTS = (b"Signature expired", b"Signature not yet current")
# Keys that are over, or that AWS does not know any more ("Common errors", AWS documentation).
_KEY_ERRORS = ("ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId")
_READ_BYTES = 65_536


async def read_refusal(answer: Answer) -> bytes | None:
    """Return the beginning of an answer in which AWS itself refuses a request; None for any other.

    Only a 403 with AWS's `x-amzn-ErrorType` counts: a function may answer 403 for reasons of its own. The body stays in
    the answer.
    """
    if answer.status != 403 or "x-amzn-errortype" not in answer.headers:
        return None
    stream = answer.stream()
    beginning = b""
    while len(beginning) < _READ_BYTES and (block := await anext(stream, None)) is not None:
        beginning += block
    answer.body = _continued(beginning, stream)
    return beginning


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


def is_of_keys(answer: Answer) -> bool:
    """Tell whether AWS refuses the keys themselves, so that others could do."""
    return (answer.headers.get("x-amzn-errortype") or "").startswith(_KEY_ERRORS)


def hide(answer: Answer, secrets: Iterable[Secret]) -> None:
    """Take secrets out of the answer's body, where AWS repeats what was signed to explain why a signature does not match."""
    hidden = [spelling for secret in secrets for spelling in _spellings(secret)]
    if hidden:
        answer.body = _without(answer.stream(), hidden)


def masked(body: bytes, token: Secret) -> bytes:
    """Return a body that is here whole without our session token."""
    for text in _spellings(token):
        body = body.replace(text, _MASK)
    return body


def _spellings(secret: Secret) -> list[bytes]:
    spellings = {secret.value, quote(secret.value, safe=""), secret.value.replace("/", "\\/")}
    return [spelling.encode() for spelling in spellings]


async def _continued(beginning: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield beginning
    async for block in rest:
        yield block


async def _without(stream: AsyncIterator[bytes], hidden: list[bytes]) -> AsyncIterator[bytes]:
    """Yield the stream with each of `hidden` masked, wherever its blocks are cut."""
    longest = max(map(len, hidden))
    held = b""
    async for block in stream:
        held += block
        for text in hidden:
            held = held.replace(text, _MASK)
        keep = min(len(held), longest - 1)
        yield held[: len(held) - keep]
        held = held[len(held) - keep :]
    yield held
