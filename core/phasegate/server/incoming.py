"""From what a protocol parsed to the `Request` that everybody behind the listener sees."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import BadRequest
from ..http.address import parse_authority
from ..http.body import Body
from ..http.client_rule import ClientRule
from ..http.headers import Headers, RawHeaders
from ..http.hygiene import received_fields
from ..http.message import Request
from ..http.passing import Passing
from ..http.path import parse_target
from ..http.query import Query

# RFC 9110 section 9.1: a method is a token.
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_COMMON_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What a field value may hold: spaces, tabs and visible ASCII.
_VISIBLE = bytes([9, *range(32, 127)])
_new = object.__new__


class Head(NamedTuple):
    """What a request's head says, whichever protocol it came by; nothing in it is changed in place."""

    method: str
    path: str
    query: str
    fields: RawHeaders
    host: str
    port: int | None
    raw_target: str


HeadParts = tuple[str, str, str, RawHeaders, str, int | None, str]
"""A `Head`, or the same as a plain tuple, which is taken apart in a third of the time."""


def head_of(method: str, target: bytes, fields: RawHeaders) -> Head:
    """Return what a head says. `fields` have lower-case names; the listener has looked at framing already.

    Raise BadRequest for a method, target, host or field value that is none.
    """
    _judge(method, fields)
    fields = received_fields(fields)
    path, query, authority = parse_target(target)
    host: str = ""
    port: int | None = None
    for name, value in fields:
        if name == b"host":
            if value:
                host, port = parse_authority(value.decode("ascii"))
            break
    if authority is not None:
        # RFC 9112 section 3.2.2; a Host that is none is refused beside it all the same (section 3.2).
        fields = [*(field for field in fields if field[0] != b"host"), (b"host", authority.encode("ascii"))]
        host, port = parse_authority(authority)
    return Head(method, path, query, fields, host, port, target.decode("ascii"))


class Way(NamedTuple):
    """How requests come in: what those of one connection have in common."""

    scheme: str
    http_version: str
    peer: str
    server_port: int | None
    client_rule: ClientRule | None = None


WayParts = tuple[str, str, str, int | None, ClientRule | None]
"""A `Way`, or the same as a plain tuple."""


def request_of(
    head: Head,
    *,
    body: Body,
    scheme: str,
    http_version: str,
    peer: str,
    server_port: int | None,
    is_websocket: bool = False,
) -> Request:
    """Return the request that a head begins; its path is canonical already."""
    request = request_by(Way(scheme, http_version, peer, server_port), head, body)
    request.is_websocket = is_websocket
    return request


def request_by(way: WayParts, head: HeadParts, body: Body, passing: Passing | None = None) -> Request:
    """Return the request that a head begins which came this way; no WebSocket's."""
    request: Request = _new(Request)
    request.query = query = _new(Query)
    request.headers = headers = _new(Headers)
    # Taken apart at once, and the path past its setter, which would judge it once more.
    request.method, request._path, query.raw, headers.raw, request.host, request.port, request.raw_target = head  # noqa: SLF001
    request.scheme, request.http_version, request.peer, request.server_port, request.client_rule = way
    query._pairs = None  # noqa: SLF001
    request.body, request.passing = body, passing
    request.client = request.peer
    request.peer_trusted = request.is_websocket = False
    return request


def stand_in(method: str, target: bytes, *, scheme: str, http_version: str, peer: str) -> Request:
    """Return what is answered and logged in the place of a request that is none."""
    return Request(
        method, "/", scheme=scheme, http_version=http_version, peer=peer, raw_target=target.decode("latin-1")
    )


def _judge(method: str, fields: RawHeaders) -> None:
    if method not in _COMMON_METHODS and _METHOD.fullmatch(method) is None:
        raise BadRequest(f"the method {method[:64]!r} is no token")
    if b"".join([value for _, value in fields]).translate(None, _VISIBLE):
        raise BadRequest("a header value has bytes outside visible ASCII")
