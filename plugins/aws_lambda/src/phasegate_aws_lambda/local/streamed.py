"""A stream as HTTP front ends answer it: its head becomes the response's, and what follows the body on its way.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html (the head is
JSON, within 16 KB, with eight zero bytes behind it), and
https://docs.aws.amazon.com/lambda/latest/dg/config-rs-invoke-furls.html.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from .answers import Answer, MalformedError, Parts
from .child import INTEGRATION_TYPE
from .outcome import Outcome, Returned
from .stream_run import StreamRun

_SEPARATOR = bytes(8)
_HEAD_LIMIT_BYTES = 16_384


class BrokenStreamError(Exception):
    """The function failed when the head of its answer had been sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Beginning:
    """How a stream begins: its type, its head where the type says that there is one, and the body so far."""

    content_type: str
    head: Any
    body: bytes


async def streamed_answer(
    run: StreamRun, begun: Callable[[Beginning], Answer], ended: Callable[[Outcome], Answer]
) -> Answer:
    """Return the response as soon as its head is known: by `begun`, or by `ended` where the function was faster.

    Raise MalformedError for a head that is none. The run is ended unless the answer has parts, whose `close` does so.
    """
    try:
        outcome = await run.begin()
        beginning = await _beginning(run) if outcome is None else None
        if beginning is not None:
            return dataclasses.replace(begun(beginning), parts=Parts(_body(run, beginning.body), run.end))
        answer = ended(run.outcome)
    except BaseException:
        await run.end()
        raise
    await run.end()
    return answer


async def _beginning(run: StreamRun) -> Beginning | None:
    """Return how the stream begins, None where the function failed in the midst of its head."""
    data = b""
    while (part := await run.part()) is not None:
        if part.content_type != INTEGRATION_TYPE:
            return Beginning(part.content_type, None, part.data)
        data += part.data
        head, separator, body = data.partition(_SEPARATOR)
        if len(head) > _HEAD_LIMIT_BYTES:
            raise MalformedError(f"the head of the stream is over {_HEAD_LIMIT_BYTES} bytes")
        if separator:
            return Beginning(part.content_type, _parsed(head), body)
    if isinstance(run.outcome, Returned):
        raise MalformedError("the stream ends before its head does")
    return None


def _parsed(head: bytes) -> Any:
    try:
        return json.loads(head)
    except ValueError as error:
        raise MalformedError(f"the head of the stream is no JSON: {error}") from error


async def _body(run: StreamRun, beginning: bytes) -> AsyncIterator[bytes]:
    """Yield the body. Raise BrokenStreamError where it is not whole."""
    if beginning:
        yield beginning
    while (part := await run.part()) is not None:
        yield part.data
    if not isinstance(run.outcome, Returned):
        raise BrokenStreamError
