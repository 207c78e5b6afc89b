"""What the two event formats have in common: how bodies, queries, times and host names are written."""

from __future__ import annotations

import base64
import time
from urllib.parse import unquote_plus

from .received import Received

_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript", "application/ecmascript"})
_FORM = "application/x-www-form-urlencoded"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# These speak of one connection; neither front end hands them on.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


def event_fields(request: Received, trace_id: str) -> list[tuple[str, str]]:
    """Return the header fields that an event shows: without the connection's own, with those that AWS's edge adds.

    `Content-Length` tells the size of the body, also of one that came in chunks.
    """
    added = {"Content-Length": str(len(request.body))} if request.body or request.header("content-length") else {}
    added |= {
        "X-Amzn-Trace-Id": trace_id,
        "X-Forwarded-For": ", ".join(filter(None, (request.header("x-forwarded-for"), request.peer))),
        "X-Forwarded-Port": str(request.port),
        "X-Forwarded-Proto": "http",
    }
    left_out = _HOP_BY_HOP | {name.lower() for name in added}
    return [field for field in request.fields() if field[0].lower() not in left_out] + list(added.items())


def query_pairs(request: Received) -> list[tuple[str, str]]:
    """Return the query's names and values, decoded, a plus as a space; a name without `=` has the value ""."""
    split = (pair.partition("=") for pair in request.query.decode("latin-1").split("&") if pair)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in split]


def event_body(request: Received) -> tuple[str | None, bool]:
    """Return the body as an event holds it, None when it is empty, and whether that is base64.

    It is text if its type is textual, it has no content encoding, and it is valid UTF-8; else base64.
    """
    if not request.body:
        return None, False
    if _is_textual(request.header("content-type")) and not request.header("content-encoding"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _is_textual(content_type: str) -> bool:
    """Tell whether a type is text. One that is not named counts as JSON, the default of both front ends."""
    essence = content_type.partition(";")[0].strip().lower()
    if not essence or essence.startswith("text/") or essence.endswith(("+json", "+xml")):
        return True
    return essence in _TEXT_TYPES or essence == _FORM


def log_time(seconds: float) -> str:
    """Return a time as the common log format has it, in UTC and in English whatever the locale."""
    moment = time.gmtime(seconds)
    return f"{moment.tm_mday:02}/{_MONTHS[moment.tm_mon - 1]}/{time.strftime('%Y:%H:%M:%S', moment)} +0000"


def host_name(request: Received) -> str:
    """Return the host of the request without its port."""
    host = request.header("host")
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
