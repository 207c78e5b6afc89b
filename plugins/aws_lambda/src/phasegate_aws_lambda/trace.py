"""The trace that a function continues: AWS's own header, or what W3C's says of the same trace."""

from __future__ import annotations

import re

from phasegate import Headers
from phasegate.faas import FunctionRequest

# "traceparent" of W3C Trace Context, without what it calls invalid (version ff, ids that are all zero), and its place in
# X-Ray's ids: the first eight digits are the epoch's there, which X-Ray takes from W3C ids as they are ("Tracing header",
# AWS X-Ray developer guide).
_TRACEPARENT = re.compile(
    "(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{8})([0-9a-f]{24})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_OWN = b"x-amzn-trace-id"


def trace_header(headers: Headers) -> str | None:
    """Return the value of `X-Amzn-Trace-Id` for a request: its own, or made of its `traceparent`; None without either."""
    own = headers.get("x-amzn-trace-id")
    return own if own is not None else _made_of(headers.get("traceparent") or "")


def continue_trace(request: FunctionRequest) -> None:
    """Give a request with a `traceparent` AWS's header of the same trace, unless it has one."""
    if request.get(_OWN) is None:
        made = _made_of((request.get(b"traceparent") or b"").decode("latin-1"))
        if made is not None:
            request.set(_OWN, made.encode("ascii"))


def _made_of(traceparent: str) -> str | None:
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    epoch, rest, parent, flags = match.groups()
    return f"Root=1-{epoch}-{rest};Parent={parent};Sampled={int(flags, 16) & 1}"
