"""Where an HTTP/1.1 request ends: what llhttp leaves to its caller, judged before anybody sees the request."""

from __future__ import annotations

from typing import NamedTuple

from ...errors import BadRequest, ExpectationFailed, VersionNotSupported
from ...http.headers import RawHeaders

# The methods of the registry that llhttp knows; its others belong to RTSP and ICE. CONNECT asks for a tunnel.
METHODS = frozenset(
    b"ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH "
    b"POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
_TELLING = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect", b"upgrade"})


class Framing(NamedTuple):
    """What a head says of its message."""

    length: int | None
    """The body's length; None for one in chunks, which ends by itself."""
    expects_continue: bool
    upgrade: bytes | None
    """What the client asks to go over to, in lower case."""


def framing_of(method: bytes, version: str, fields: RawHeaders) -> Framing:
    """Return how the message goes on.

    Raise RequestError for what two readers could take differently (RFC 9112 sections 3.2, 6.1 and 11.2), or cannot be done.
    """
    if version not in ("1.1", "1.0"):
        raise VersionNotSupported(f"HTTP/{version} is not spoken here")
    if method not in METHODS:
        raise BadRequest(f"the method {method!r} has no meaning here")
    length: int | None = 0
    hosts = 0
    expects_continue = coded = False
    upgrade = None
    for name, value in fields:
        if name not in _TELLING:
            continue
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            length = _length(value)
        elif name == b"transfer-encoding":
            coded = _coded(value, version)
        elif name == b"expect":
            expects_continue = _expectation(value, version)
        else:
            upgrade = value.lower()
    if hosts != 1 and (hosts or version == "1.1"):
        raise BadRequest(f"the request has {hosts or 'no'} Host fields")
    return Framing(None if coded else length, expects_continue, upgrade)


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 19:
        raise BadRequest("the Content-Length is no length")
    return int(value)


def _coded(value: bytes, version: str) -> bool:
    if version == "1.0":
        raise BadRequest("the request has a Transfer-Encoding in HTTP/1.0")
    if value.lower() != b"chunked":
        raise BadRequest("the Transfer-Encoding is not chunked alone")
    return True


def _expectation(value: bytes, version: str) -> bool:
    if value.lower() != b"100-continue":
        raise ExpectationFailed("the request expects something else than 100-continue")
    return version == "1.1"
