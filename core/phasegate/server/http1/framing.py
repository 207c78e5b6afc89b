"""Where an HTTP/1.1 request ends: what llhttp leaves to its caller, judged before anybody sees the request."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import BadRequest, ExpectationFailed, OtherWebSocketVersion, VersionNotSupported
from ...http.headers import RawHeaders, name_of

# The methods of the registry that llhttp knows; its others belong to RTSP and ICE. CONNECT asks for a tunnel.
METHODS = frozenset(
    b"ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH "
    b"POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
# Sixteen bytes in base64 (RFC 6455 section 4.2.1).
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_TELLING = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})


class Framing(NamedTuple):
    """What a head says of its message."""

    length: int | None
    """The body's length; None for one in chunks, which ends by itself."""
    expects_continue: bool
    is_websocket: bool
    """Whether the client asks to go over to WebSocket, and says how (RFC 6455 section 4.2.1)."""


BARE = Framing(0, expects_continue=False, is_websocket=False)
"""What a request has that says nothing of a body."""


def framing_of(method: bytes, version: str, fields: RawHeaders) -> Framing:
    """Return how the message goes on.

    Raise RequestError for what two readers could take differently (RFC 9112 sections 3.2, 6.1 and 11.2), or cannot be done.
    """
    if version not in ("1.1", "1.0"):
        raise VersionNotSupported(f"HTTP/{version} is not spoken here")
    if method not in METHODS:
        raise BadRequest(f"the method {method!r} has no meaning here")
    names = list(map(name_of, fields))
    hosts = names.count(b"host")
    if (hosts != 1 or (b"host", b"") in fields) and (hosts or version == "1.1"):
        raise BadRequest(f"the request has {hosts or 'no'} Host fields, or an empty one")
    if _TELLING.isdisjoint(names):
        return BARE
    return _told_by(method, version, fields)


def judge_line(method: bytes, target: bytes, data: bytes) -> None:
    """Refuse RTSP, whose request line llhttp takes for one of HTTP/1.0 or 1.1 and does not tell; `data` has the line in it."""
    line = rb"(?:\A|\n)%b +%b +RTSP/" % (method, re.escape(target))
    if re.search(line, data):
        raise BadRequest("the request line is one of RTSP")


def _told_by(method: bytes, version: str, fields: RawHeaders) -> Framing:
    length: int | None = 0
    expects_continue = is_websocket = False
    for name, value in fields:
        if name == b"content-length":
            length = _length(value)
        elif name == b"transfer-encoding":
            length = None
            _judge_coding(value, version)
        elif name == b"expect":
            expects_continue = _expectation(value, version)
        elif name == b"upgrade":
            is_websocket = value.lower() == b"websocket" and method == b"GET" and version == "1.1"
    if is_websocket and length == 0:
        _judge_handshake(fields)
    return Framing(length, expects_continue, is_websocket and length == 0)


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 19:
        raise BadRequest("the Content-Length is no length")
    return int(value)


def _judge_coding(value: bytes, version: str) -> None:
    if version == "1.0":
        raise BadRequest("the request has a Transfer-Encoding in HTTP/1.0")
    if value.lower() != b"chunked":
        raise BadRequest("the Transfer-Encoding is not chunked alone")


def _judge_handshake(fields: RawHeaders) -> None:
    keys = [value for name, value in fields if name == b"sec-websocket-key"]
    versions = [value for name, value in fields if name == b"sec-websocket-version"]
    if versions != [b"13"]:
        raise OtherWebSocketVersion("the WebSocket handshake is not of version 13")
    if len(keys) != 1 or _KEY.fullmatch(keys[0]) is None:
        raise BadRequest("the WebSocket handshake has no key, or more than one")


def _expectation(value: bytes, version: str) -> bool:
    if value.lower() != b"100-continue":
        raise ExpectationFailed("the request expects something else than 100-continue")
    return version == "1.1"
