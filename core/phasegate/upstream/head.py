"""Heads on the wire: of a request as it is sent, and of an answer as far as llhttp leaves judging it to its caller."""

from __future__ import annotations

import re
from typing import NamedTuple

import httptools

from ..errors import BadRequest, MalformedResponse
from ..http.headers import RawHeaders
from .call import Call

HEAD_LIMIT_BYTES = 65_536
# API Gateway and CDNs send fields of more than 8 KiB.
_FIELD_LIMIT_BYTES = 32_768

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"/[!\"$-~]*")
_TELLING = frozenset({b"content-length", b"transfer-encoding"})


class Framing(NamedTuple):
    """What an answer's head says of its end and of the connection behind it."""

    until_close: bool
    """Whether the body ends with the connection."""
    persistent: bool
    """Whether the connection can carry another call."""


def framing_of(status: int, parser: httptools.HttpResponseParser, fields: RawHeaders, *, is_head: bool) -> Framing:
    """Return how the answer goes on. Raise MalformedResponse for a status, version or coding that none can have."""
    if not 200 <= status <= 599:
        raise MalformedResponse(f"status {status}")
    version = parser.get_http_version()
    if version not in ("1.1", "1.0"):
        raise MalformedResponse(f"HTTP/{version}")
    until_close = not (is_head or status in (204, 304))
    for name, value in fields:
        if name in _TELLING:
            until_close = False
            if name == b"transfer-encoding" and (value.lower() != b"chunked" or version == "1.0"):
                raise MalformedResponse("a Transfer-Encoding that is not chunked")
    if until_close:
        return Framing(until_close=True, persistent=False)
    return Framing(until_close=False, persistent=parser.should_keep_alive())


def judge_field(name: bytes, value: bytes) -> None:
    """Raise MalformedResponse for a field that is longer than any should be."""
    if len(name) + len(value) > _FIELD_LIMIT_BYTES:
        raise MalformedResponse(f"a field over {_FIELD_LIMIT_BYTES} bytes")


def request_head(call: Call) -> bytes:
    """Return a request's head. Raise BadRequest for what would be another request on the wire than is meant."""
    method, target = call.method, call.target
    if _TARGET.fullmatch(target) is None or _METHOD.fullmatch(method) is None:
        raise BadRequest(f"{method!r} {target.partition('?')[0]!r} can't be sent as a request line")
    lines = [f"{method} {target} HTTP/1.1".encode("ascii"), *[b": ".join(field) for field in call.headers]]
    if call.body.length is None:
        lines.append(b"transfer-encoding: chunked")
    if not call.origin.connection.keepalive:
        lines.append(b"connection: close")
    text = b"\r\n".join(lines)
    if text.count(b"\n") != len(lines) - 1 or text.count(b"\r") != len(lines) - 1 or b"\0" in text:
        raise BadRequest("a field of the request to the upstream holds CR, LF or NUL")
    return text + b"\r\n\r\n"
