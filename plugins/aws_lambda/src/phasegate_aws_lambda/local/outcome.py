"""How an invocation can end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

# Synchronous payloads may have this many bytes, both ways; the odd end is how AWS states 6 MB in its errors ("Response
# payload size exceeded maximum allowed payload size (6291556 bytes)").
PAYLOAD_LIMIT_BYTES = 6_291_556


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned `payload`: whatever its JSON reads as; nothing where it `streamed` its answer."""

    payload: Any
    streamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The handler raised, could not be imported, took too long, or took its process down.

    The fields are those of the error document that Lambda's runtimes write; `stack_trace` has an entry a frame, and
    `trace_name` is what the runtime calls it. A failure that the child has `logged` is not logged once more.
    """

    error_type: str
    message: str
    stack_trace: tuple[str, ...] = field(default=(), repr=False)
    trace_name: str = "stackTrace"
    logged: bool = False

    def document(self) -> bytes:
        """Return what the Lambda API says of it."""
        said: dict[str, Any] = {"errorMessage": self.message, "errorType": self.error_type}
        if self.stack_trace:
            said[self.trace_name] = self.stack_trace
        return json.dumps(said).encode()


@dataclass(frozen=True, slots=True)
class Throttled:
    """Every child is busy and no further one may be started."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The event, as JSON, is larger than Lambda takes."""


Outcome = Returned | Failed | Throttled | TooLarge
