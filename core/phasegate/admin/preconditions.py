"""`If-Match` and `If-None-Match` on writes (RFC 9110 section 13.1)."""

from __future__ import annotations

import re

from ..http.message import Request
from .answers import Refused

_TAG = re.compile(r'\s*((?:W/)?"[^"]*")\s*(?:,|$)')


def is_conditional(request: Request) -> bool:
    """Tell whether the request names the state that it wants to change."""
    return "if-match" in request.headers or "if-none-match" in request.headers


def judge(request: Request, etag: str | None) -> None:
    """Raise Refused, 412, unless a resource with this entity tag, None for one that is not there, is what was expected."""
    wanted = request.headers.get_all("if-match")
    if wanted and not _matches(",".join(wanted), etag):
        raise Refused(412, f"If-Match does not hold: {_state(etag)}")
    unwanted = request.headers.get_all("if-none-match")
    if unwanted and _matches(",".join(unwanted), etag):
        raise Refused(412, f"If-None-Match does not hold: {_state(etag)}")


def _matches(field: str, etag: str | None) -> bool:
    """Compare strongly: a weak tag matches nothing. Raise Refused for a field that is no list of tags."""
    if etag is None:
        return False
    if field.strip() == "*":
        return True
    found = []
    position = 0
    while position < len(field):
        match = _TAG.match(field, position)
        if match is None:
            raise Refused(400, 'a precondition must be * or a list of entity tags such as "42"')
        found.append(match[1])
        position = match.end()
    return etag in found


def _state(etag: str | None) -> str:
    return "there is no such resource" if etag is None else f"the resource is at {etag}"
