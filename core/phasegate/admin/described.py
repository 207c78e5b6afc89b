"""A request that somebody describes as JSON, made into one as a listener makes them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from ..errors import BadRequest
from ..http.address import parse_address
from ..http.body import Body
from ..http.headers import Headers, RawHeaders
from ..http.hygiene import EXPLAIN
from ..http.message import Request
from ..server.incoming import head_of, request_of
from .answers import Refused

KEYS = frozenset({"method", "url", "headers", "body", "body_base64", "client"})
_HOST = "localhost"
# What may stand in a target unescaped, and the percent sign of what is escaped already.
_TARGET = "/?&=%:@!$'()*+,;-._~[]"


def described(value: Mapping[str, Any], client: str) -> Request:
    """Return the request that a JSON object describes, from that client unless it names one. Raise Refused.

    `url` is a path or a whole URL; `headers` has a text or a list of them for each name.
    """
    unknown = value.keys() - KEYS
    if unknown:
        raise _wrong(f"{min(unknown)} is not known here: it takes {', '.join(sorted(KEYS))}")
    scheme, target, fields = _target(_text(value, "url", "/"))
    body = _body(value)
    try:
        fields = _with_headers(fields, value.get("headers", {}), body)
        head = head_of(_text(value, "method", "GET"), target, fields)
    except (BadRequest, ValueError) as error:
        raise _wrong(str(error)) from error
    address = parse_address(_text(value, "client", client))
    if address is None:
        raise _wrong("client is no address")
    return request_of(head, body=Body(body), scheme=scheme, http_version="1.1", peer=address, server_port=None)


def _target(url: str) -> tuple[str, bytes, RawHeaders]:
    """Return scheme, target and the host field that a path or a URL stands for."""
    if url.startswith("/"):
        return "http", quote(url, safe=_TARGET).encode("ascii"), []
    try:
        parts = urlsplit(url)
        host = parts.netloc.encode("ascii" if parts.netloc.isascii() else "idna")
    except ValueError:
        parts, host = urlsplit(""), b""
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.fragment:
        raise _wrong("url is neither a path nor an http or https URL")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, quote(path, safe=_TARGET).encode("ascii"), [(b"host", host)]


def _with_headers(fields: RawHeaders, given: object, body: bytes) -> RawHeaders:
    headers = Headers(_pairs(given))
    if EXPLAIN.decode() in headers:
        raise ValueError("x-phasegate-explain is for requests on the public port")
    own = [] if "host" in headers else fields or [(b"host", _HOST.encode())]
    length = [(b"content-length", b"%d" % len(body))] if body and "content-length" not in headers else []
    return [*own, *headers.raw, *length]


def _pairs(given: object) -> Iterator[tuple[str, str]]:
    if not isinstance(given, Mapping):
        raise ValueError("headers must be an object of texts or lists of texts")  # noqa: TRY004 (a client's mistake)
    for name, values in given.items():
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str):
                raise ValueError(f"headers.{name} must be a text or a list of texts")  # noqa: TRY004
            yield name, value


def _body(value: Mapping[str, Any]) -> bytes:
    if "body_base64" not in value:
        return _text(value, "body", "").encode()
    try:
        return base64.b64decode(_text(value, "body_base64", ""), validate=True)
    except ValueError as error:
        raise _wrong("body_base64 is no Base64") from error


def _text(value: Mapping[str, Any], key: str, default: str) -> str:
    found = value.get(key, default)
    if not isinstance(found, str):
        raise _wrong(f"{key} must be a text")
    return found


def _wrong(reason: str) -> Refused:
    return Refused(400, f"invalid request to explain: {reason}")
