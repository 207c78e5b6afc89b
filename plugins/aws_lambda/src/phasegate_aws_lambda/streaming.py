"""A function's answer as it streams: the events of InvokeWithResponseStream, made a response whose body is on its way.

Source: the InvokeWithResponseStream operation of the Lambda API reference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import orjson

from phasegate import FunctionFailed, Headers, Response
from phasegate.faas import Answer, MalformedAnswer

from .codec.stream import INTEGRATION_TYPE, HeadReader
from .event_stream import BrokenStream, Decoder, Message
from .failures import FUNCTION_ERROR, MALFORMED, Row, function_failure

STREAM_TYPE = "application/vnd.amazon.eventstream"
_CUT = Row(502, "stream_aborted")
# What AWS says of errors whatever they are.
_ANY_ERROR = ("Handled", "Unhandled")

Failed = Callable[[Row, str], FunctionFailed]
Told = Callable[[str, str], None]


class Streamed:
    """One streamed answer. `failed` makes the error of a row and a message, `told` is given the log's tail and the error
    that the stream ends with.
    """

    def __init__(self, answer: Answer, failed: Failed, told: Told, *, function_error: Row = FUNCTION_ERROR) -> None:
        self._answer = answer
        self._failed = failed
        self._told = told
        self._function_error = function_error
        self._complete = False

    async def response(self, *, strict: bool) -> Response:
        """Return the response once its head is known. Raise FunctionFailed for a failure before the body began."""
        reader = HeadReader(required=_has_head(self._answer.headers), strict=strict)
        payloads = self._payloads()
        try:
            async for payload in payloads:
                found = reader.feed(payload)
                if found is not None:
                    break
            else:
                found = reader.end()
        except MalformedAnswer as error:
            raise self._failed(MALFORMED, f"the function's stream is malformed: {error}") from error
        response, beginning = found
        response.body = self._rest(beginning, payloads)
        return response

    async def _rest(self, beginning: bytes, payloads: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the body; a failure on the way raises, which cuts the client's answer where it is."""
        if beginning:
            yield beginning
        try:
            async for payload in payloads:
                yield payload
        except FunctionFailed as error:
            raise self._failed(_CUT, f"the stream broke off: {error}") from error

    async def _payloads(self) -> AsyncIterator[bytes]:
        decoder = Decoder()
        try:
            async for block in self._answer.stream():
                for message in decoder.feed(block):
                    if self._is_payload(message) and message.payload:
                        yield message.payload
        except BrokenStream as error:
            raise self._failed(MALFORMED, str(error)) from error
        if not self._complete or not decoder.empty:
            raise self._failed(MALFORMED, "the stream ends without InvokeComplete")

    def _is_payload(self, message: Message) -> bool:
        """Tell whether a message is a part of the body. Raise FunctionFailed for one that tells of a failure."""
        if not message.is_event:
            text = message.payload.decode("utf-8", "replace")[:500]
            raise self._failed(self._function_error, f"{message.event or message.headers}: {text}")
        if message.event == "InvokeComplete":
            self._finish(message.payload)
        return message.event == "PayloadChunk"

    def _finish(self, payload: bytes) -> None:
        self._complete = True
        document = _parsed(payload or b"{}")
        if document is None:
            raise self._failed(MALFORMED, "what InvokeComplete says is no object")
        code = str(document.get("ErrorCode") or "")
        self._told(str(document.get("LogResult") or ""), code)
        if code:
            raise self._failed(*_failure(document, self._function_error))


def _has_head(headers: Headers) -> bool:
    """Tell whether the API says that the stream begins with a head; most often it names only its own framing."""
    return (headers.get("content-type") or "").partition(";")[0].strip() == INTEGRATION_TYPE


def _failure(document: dict[str, object], row: Row) -> tuple[Row, str]:
    """Return how the error at a stream's end is answered: its details are the runtime's own document, or plain text."""
    code, details = str(document["ErrorCode"]), str(document.get("ErrorDetails") or "").encode()
    if _parsed(details):
        return function_failure(details, row)
    kind = "" if code in _ANY_ERROR else code
    return function_failure(orjson.dumps({"errorType": kind, "errorMessage": details.decode()}), row)


def _parsed(text: bytes) -> dict[str, object] | None:
    """Return the object that a text is, empty for null; None for a text that is none."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if document is None:
        return {}
    return document if isinstance(document, dict) else None
