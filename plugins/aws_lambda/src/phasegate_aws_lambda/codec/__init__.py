"""The event formats of AWS Lambda: a request into the bytes of an event, and what a function returned into a response.

Pure: nothing here knows a connection, a clock or a plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from phasegate import Response

from .answers import http_api_answer, load_balancer_answer, raw_answer, rest_answer
from .http_api import http_api_event
from .incoming import Incoming
from .load_balancer import load_balancer_event, load_balancer_multi_event
from .parts import Binary, NotTextError
from .rest_api import rest_api_event

__all__ = ["FORMATS", "Binary", "Format", "Incoming", "NotJSONError", "NotTextError"]


class NotJSONError(ValueError):
    """A body that shall be the event itself is no JSON."""


class _Answered(Protocol):
    def __call__(self, payload: bytes, *, strict: bool) -> Response: ...


@dataclass(frozen=True, slots=True)
class Format:
    """One payload format, both ways. `event` is None where the body itself is the event."""

    event: Callable[[Incoming, Binary], Mapping[str, Any]] | None
    response: _Answered

    def encode(self, incoming: Incoming, binary: Binary) -> bytes:
        """Return the event of a request. Raise NotTextError, or NotJSONError where the body shall be the event."""
        if self.event is not None:
            return orjson.dumps(self.event(incoming, binary))
        if not incoming.body:
            return b"{}"
        try:
            orjson.loads(incoming.body)
        except orjson.JSONDecodeError as error:
            raise NotJSONError(f"the body is no JSON: {error}") from error
        return incoming.body


FORMATS = {
    "2.0": Format(http_api_event, http_api_answer),
    "1.0": Format(rest_api_event, rest_answer),
    "alb": Format(load_balancer_event, load_balancer_answer),
    "alb-multi": Format(load_balancer_multi_event, load_balancer_answer),
    "raw": Format(None, raw_answer),
}
