"""How an invocation can end."""

from __future__ import annotations

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

    The fields are those of the error document that Lambda's Python runtime writes; `stack_trace` has an entry a frame.
    """

    error_type: str
    message: str
    stack_trace: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Throttled:
    """Every child is busy and no further one may be started."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The event, as JSON, is larger than Lambda takes."""


Outcome = Returned | Failed | Throttled | TooLarge
