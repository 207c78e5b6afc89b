"""A streamed answer's head: the JSON that a function puts before its body, eight zero bytes between.

Source: "Response streaming for Lambda functions" (Lambda developer guide), and of the separator the runtime's own
`HttpResponseStream`. A function that writes no head streams its body alone.
"""

from __future__ import annotations

import json

import orjson

from phasegate import Headers, Response
from phasegate.faas import MalformedAnswer

from .answers import answer_head

INTEGRATION_TYPE = "application/vnd.awslambda.http-integration-response"
_SEPARATOR = bytes(8)
_LIMIT_BYTES = 16_384
_DECODER = json.JSONDecoder()


class HeadReader:
    """Collects a stream's beginning until it is known where the body begins, wherever the blocks are cut.

    With `required` there must be a head; without, bytes that are none are body at once.
    """

    def __init__(self, *, required: bool, strict: bool) -> None:
        self._required = required
        self._strict = strict
        self._waiting = b""

    def feed(self, block: bytes) -> tuple[Response, bytes] | None:
        """Return the response without its body, and what is here of that; None while it can't be told. Raise MalformedAnswer."""
        self._waiting += block
        head, separator, body = self._waiting.partition(_SEPARATOR)
        is_head = bool(separator) and (self._required or _has_ends_of_object(head))
        if (is_head or self._required) and len(head) > _LIMIT_BYTES:
            raise MalformedAnswer(f"its head is over {_LIMIT_BYTES} bytes")
        if is_head:
            return self._parsed(head), body
        return None if self._required or self._may_be_head() else self._bodily()

    def end(self) -> tuple[Response, bytes]:
        """Return the same where the stream has ended. Raise MalformedAnswer where a head must be and is not."""
        if self._required:
            raise MalformedAnswer("it ends before its head does")
        return self._bodily()

    def _bodily(self) -> tuple[Response, bytes]:
        return Response(200, {"content-type": "application/octet-stream"}), self._waiting

    def _may_be_head(self) -> bool:
        """Tell whether what is here is an object's beginning, or a whole one with nothing but zeros behind it."""
        if len(self._waiting) > _LIMIT_BYTES + len(_SEPARATOR):
            return False
        if not self._waiting.startswith(b"{"):
            return not self._waiting
        try:
            text = self._waiting.decode("latin-1")
            _, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return True
        return not text[end:].strip("\0")

    def _parsed(self, head: bytes) -> Response:
        try:
            document = orjson.loads(head)
        except orjson.JSONDecodeError as error:
            raise MalformedAnswer(f"its head is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise MalformedAnswer("its head is no object")
        status, fields = answer_head({"statusCode": 200, **document}, strict=self._strict)
        if not any(name == b"content-type" for name, _ in fields):
            fields.append((b"content-type", b"application/octet-stream"))
        return Response(status, Headers.from_raw(fields))


def _has_ends_of_object(head: bytes) -> bool:
    """Tell whether what stands before the zeros begins and ends as an object: a head, be it a wrong one."""
    return head.startswith(b"{") and head.endswith(b"}")
