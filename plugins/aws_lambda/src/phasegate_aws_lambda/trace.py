"""The trace that a function continues: AWS's own header, or what W3C's says of the same trace."""

from __future__ import annotations

import re

from phasegate import Headers

# "traceparent" of W3C Trace Context, and its place in X-Ray's ids: the first eight digits are the epoch's there, which
# X-Ray takes from W3C ids as they are ("Tracing header", AWS X-Ray developer guide).
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{8})([0-9a-f]{24})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


def trace_header(headers: Headers) -> str | None:
    """Return the value of `X-Amzn-Trace-Id` for a request: its own, or made of its `traceparent`; None without either."""
    own = headers.get("x-amzn-trace-id")
    if own is not None:
        return own
    match = _TRACEPARENT.fullmatch(headers.get("traceparent") or "")
    if match is None:
        return None
    epoch, rest, parent, flags = match.groups()
    return f"Root=1-{epoch}-{rest};Parent={parent};Sampled={int(flags, 16) & 1}"
