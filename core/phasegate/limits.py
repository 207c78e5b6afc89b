"""What a client may ask of the listener: sizes, times, rates, each a key under `limits` in `gateway.yaml`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

T = TypeVar("T", int, float)


def _limit(default: T, about: str) -> T:
    return dataclasses.field(default=default, metadata={"about": about})


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the listener, on by default. Sizes are in bytes, times in seconds; those of connections hold for one
    worker.
    """

    target_bytes: int = _limit(8192, "The longest request target; a longer one is 414.")
    head_bytes: int = _limit(32_768, "All of a request's fields together; more is 431.")
    head_fields: int = _limit(100, "How many fields a request has; more is 431.")
    body_bytes: int = _limit(
        104_857_600, "The longest body; a longer one is 413, at once where its length is declared."
    )
    # What is over 1 MiB of each waits there, too.
    body_memory_bytes: int = _limit(
        67_108_864, "A worker's bodies that are held whole, those up to 64 KiB apart; what is over it waits on disk."
    )
    body_files: int = _limit(1024, "A worker's bodies that wait on disk, each a file; one more is answered 503.")
    message_bytes: int = _limit(1_048_576, "A client's longest WebSocket message; a longer one closes it with 1009.")
    head_timeout: float = _limit(10.0, "Seconds from the first byte of a head to its last; longer is 408.")
    body_timeout: float = _limit(
        30.0, "Seconds of each wait for the next part of a body that is to be read; longer is 408."
    )
    body_rate: int = _limit(
        200, "Bytes a second that a body brings on average, counted after `body_timeout`; 0 asks for none."
    )
    idle_timeout: float = _limit(75.0, "Seconds that a connection without a request is kept.")
    write_timeout: float = _limit(
        30.0, "Seconds for which a client may take nothing that it is sent; then it is cut off."
    )
    handshake_timeout: float = _limit(10.0, "Seconds that a TLS handshake may take.")
    connection_age: float = _limit(
        3600.0, "Seconds after which a connection ends, to spread clients over workers; 0 is never."
    )
    connections: int = _limit(8192, "Open connections of a worker; one more is answered 503.")
    # Where the admin address is one of the gateway's, its connections count among them.
    admin_connections: int = _limit(256, "Open connections on an admin address of its own; one more is answered 503.")
    # Trusted proxies are not counted.
    connections_per_address: int = _limit(
        1024, "Open connections of a worker from one address; one more is answered 503; 0 is any number."
    )
    streams: int = _limit(100, "Requests at once on one HTTP/2 connection; one more is refused, to be sent again.")
    resets: int = _limit(200, "Requests that an HTTP/2 client begins and resets in ten seconds; 0 is any number.")
    # PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, CONTINUATION, but for answers to what the client was sent.
    control_frames: int = _limit(1000, "HTTP/2 frames in ten seconds that carry nothing; 0 is any number.")
    # Waiting for the client and calls of the gateway's own client is not counted: these have limits of their own.
    phase_timeout: float = _limit(
        60.0, "Seconds that a plugin may wait in one phase; longer is 504, and 0 is any time."
    )
    loop_stall: float = _limit(
        1.0, "Seconds that an event loop may stand still until the log says where; 0 never says."
    )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the limits that a validated `limits` object says."""
        return cls(**values)


_ZERO_IS_NONE = frozenset(
    {
        "body_rate",
        "connection_age",
        "connections_per_address",
        "resets",
        "control_frames",
        "phase_timeout",
        "loop_stall",
    }
)
_LARGEST = 1 << 40


def _rules(field: dataclasses.Field[Any]) -> dict[str, Any]:
    whole = isinstance(field.default, int)
    least: float = 0 if field.name in _ZERO_IS_NONE else 1 if whole else 0.001
    kind = "integer" if whole else "number"
    return {"type": kind, "min": least, "max": _LARGEST, "default": field.default, **field.metadata}


RULES = {field.name: _rules(field) for field in dataclasses.fields(Limits)}
"""The cerberus rules of the `limits` object."""
