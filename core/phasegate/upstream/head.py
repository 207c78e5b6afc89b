"""Heads on the wire: of a request as it is sent, and of an answer as far as llhttp leaves judging it to its caller."""

from __future__ import annotations

import re

from ..errors import BadRequest, MalformedResponse
from ..http.headers import RawHeaders, name_of
from ..http.hygiene import without_hop_by_hop
from ..http.passing import BEFORE
from .call import Call

HEAD_LIMIT_BYTES = 65_536
# API Gateway and CDNs send fields of more than 8 KiB.
_FIELD_LIMIT_BYTES = 32_768
SMALL_HEAD_BYTES = _FIELD_LIMIT_BYTES
"""What needs no closer look."""

KEPT = (b"connection", b"keep-alive")
"""What most answers have of the connection, and nothing else."""
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_COMMON = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CR, _LF, _NUL = b"\r\n\0"
# Bound once, and not for each request.
_line_of = b": ".join


def judge_head(status: int, version: str, fields: RawHeaders) -> RawHeaders:
    """Return the fields of an answer but for those of the connection.

    Raise MalformedResponse for a status, version or coding that none can have.
    """
    if not 200 <= status <= 599 or version not in ("1.1", "1.0"):
        raise MalformedResponse(f"status {status} in HTTP/{version}")
    if b"transfer-encoding" in map(name_of, fields):
        _judge_coding(fields, version)
    return without_hop_by_hop(fields)


def is_framed(fields: RawHeaders) -> bool:
    """Tell whether a head says where its body ends."""
    return not _FRAMING.isdisjoint(map(name_of, fields))


def judge_sizes(fields: RawHeaders) -> None:
    """Raise MalformedResponse for a field, or a whole, that is longer than any should be."""
    sizes = [len(name) + len(value) + 4 for name, value in fields]
    if max(sizes, default=0) > _FIELD_LIMIT_BYTES or sum(sizes) > HEAD_LIMIT_BYTES:
        raise MalformedResponse(f"a field over {_FIELD_LIMIT_BYTES} bytes, or a head over {HEAD_LIMIT_BYTES}")


def request_head(call: Call) -> bytes:
    """Return a request's head. Raise BadRequest for what would be another request on the wire than is meant."""
    method, target = call.method, call.target
    if (
        target[:1] != "/"
        or not (target.isascii() and target.isprintable())
        or " " in target
        or "#" in target
        or (method not in _COMMON and _METHOD.fullmatch(method) is None)
    ):
        raise BadRequest(f"{method!r} {target.partition('?')[0]!r} can't be sent as a request line")
    headers, known, joined = call.headers, call.passing, b""
    if known is not None and known.lines and headers[BEFORE : known.end] == known.fields:
        headers, joined = headers.copy(), known.lines
        del headers[BEFORE : known.end]
    lines = [f"{method} {target} HTTP/1.1".encode(), *map(_line_of, headers)]
    if call.body.length is None:
        lines.append(b"transfer-encoding: chunked")
    if not call.origin.connection.keepalive:
        lines.append(b"connection: close")
    # Looking for one byte, as a number, takes a tenth of counting it.
    text = b"".join(lines)
    if _CR in text or _LF in text or _NUL in text:
        raise BadRequest("a field of the request to the upstream holds CR, LF or NUL")
    if joined:
        lines.insert(1 + BEFORE, joined)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _judge_coding(fields: RawHeaders, version: str) -> None:
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if codings != [b"chunked"] or version == "1.0":
        raise MalformedResponse("a Transfer-Encoding that is not chunked")
