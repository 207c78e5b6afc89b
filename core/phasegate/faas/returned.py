"""What a function returned as an object, made what HTTP can carry: a status, and fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from ..errors import FunctionFailed, MalformedResponse
from ..http.headers import RawHeaders
from ..upstream.answers import Answer
from ..upstream.head import judge_sizes

# RFC 9110 section 5.6.2 (token) and 5.5 (no control characters in values).
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"[2-5][0-9]{2}")

# A connection's own, and the length, which whoever sends the response counts himself.
_FRAMING = frozenset(
    {
        *(b"connection", b"content-length", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
    }
)
_KINDS = ((bool, "a boolean"), (int | float, "a number"), (str, "a string"), (list, "a list"), (dict, "an object"))


class MalformedAnswer(ValueError):
    """What a function returned is not of its format; the message says which part."""


async def read_whole(answer: Answer, limit_bytes: int) -> bytes:
    """Return the whole body of an answer. Raise FunctionFailed where it is longer than that."""
    blocks, size = [], 0
    async for block in answer.stream():
        blocks.append(block)
        size += len(block)
        if size > limit_bytes:
            raise FunctionFailed(f"the answer is over {limit_bytes} bytes", code="response_too_large")
    return b"".join(blocks)


def answer_status(code: object) -> int:
    """Return a status from 200 to 599, given as a number or its digits. Raise MalformedAnswer."""
    if isinstance(code, bool) or not isinstance(code, int | str) or not _STATUS.fullmatch(str(code)):
        raise MalformedAnswer(f"statusCode must be a number from 200 to 599 (got {code!r:.40})")
    return int(code)


def answer_fields(headers: object, *, lists: bool = True) -> RawHeaders:
    """Return the fields of a `headers` object, without those of the connection. Raise MalformedAnswer.

    What is null is left out; a value that is a list is several fields where `lists` allows it.
    """
    pairs = _pairs(json_object(headers, "headers"), lists=lists)
    fields = [field for field in (answer_field(name, value) for name, value in pairs) if field[0] not in _FRAMING]
    hold_to_limits(fields)
    return fields


def hold_to_limits(fields: RawHeaders) -> None:
    """Raise MalformedAnswer for fields that are longer, by themselves or together, than those of an answer over HTTP may be.

    A client gives a whole HTTP/2 connection up over them.
    """
    try:
        judge_sizes(fields)
    except MalformedResponse as error:
        raise MalformedAnswer(str(error)) from error


def answer_field(name: str, value: object) -> tuple[bytes, bytes]:
    """Return a field, its value as UTF-8. Raise MalformedAnswer when HTTP can't carry it."""
    if not isinstance(value, str | int | float):
        raise MalformedAnswer(f"the value of header {name!r:.40} must be text, not {json_kind(value)}")
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not _TOKEN.fullmatch(name) or _UNSAFE_VALUE.search(text):
        raise MalformedAnswer(f"header {name!r:.40} holds a character that HTTP does not allow there")
    return name.lower().encode("ascii"), text.strip(" \t").encode()


def json_bytes(value: object) -> bytes:
    """Return a value as JSON. Raise MalformedAnswer for one that is nested too deeply to be written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise MalformedAnswer(f"the body can't be written as JSON: {error}") from error


def json_object(value: object, what: str) -> dict[str, Any]:
    """Return an object, an empty one for null. Raise MalformedAnswer for all else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what} must be an object, not {json_kind(value)}")
    return value


def json_kind(value: object) -> str:
    """Return what JSON calls a value."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _pairs(headers: dict[str, Any], *, lists: bool) -> Iterator[tuple[str, Any]]:
    for name, value in headers.items():
        if isinstance(value, list) and lists:
            yield from ((name, item) for item in value if item is not None)
        elif value is not None:
            yield name, value
