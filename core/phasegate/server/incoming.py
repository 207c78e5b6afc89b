"""From what a protocol parsed to the `Request` that everybody behind the listener sees."""

from __future__ import annotations

import re

from ..errors import BadRequest
from ..http.address import parse_authority
from ..http.body import Body
from ..http.headers import Headers, RawHeaders
from ..http.hygiene import received_fields
from ..http.message import Request
from ..http.path import parse_target
from ..http.query import Query

# RFC 9110 section 9.1: a method is a token. Field values, joined by line feeds, hold visible ASCII, spaces and tabs.
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_VALUES = re.compile(rb"[\t -~\n]*")


class Refusable(BadRequest):
    """A request that is none, with a stand-in for it that can be answered and logged."""

    def __init__(self, message: str, request: Request) -> None:
        super().__init__(message)
        self.request = request


def incoming_request(
    method: str,
    target: bytes,
    fields: RawHeaders,
    *,
    body: Body,
    scheme: str,
    http_version: str,
    peer: str,
    server_port: int | None,
) -> Request:
    """Return the request. `fields` have lower-case names; the listener has looked at framing already.

    Raise Refusable for a method, target, host or field value that is none.
    """
    try:
        _judge(method, fields)
        headers = Headers.from_raw(received_fields(fields))
        path, query, authority = parse_target(target)
        if authority is not None:
            headers["host"] = authority  # RFC 9112 section 3.2.2
        else:
            authority = headers.get("host", "") or ""
        host, port = parse_authority(authority) if authority else ("", None)
    except BadRequest as error:
        stand_in = Request(
            method,
            "/",
            scheme=scheme,
            http_version=http_version,
            peer=peer,
            raw_target=target.decode("latin-1"),
        )
        raise Refusable(str(error), stand_in) from error
    return Request(
        method,
        path,
        query=Query(query),
        headers=headers,
        body=body,
        scheme=scheme,
        host=host,
        port=port,
        http_version=http_version,
        peer=peer,
        server_port=server_port,
        raw_target=target.decode("ascii"),
    )


def _judge(method: str, fields: RawHeaders) -> None:
    if _METHOD.fullmatch(method) is None:
        raise BadRequest(f"the method {method[:64]!r} is no token")
    values = [value for _, value in fields]
    if _VALUES.fullmatch(b"\n".join(values)) is None or any(b"\n" in value for value in values):
        raise BadRequest("a header value has bytes outside visible ASCII")
