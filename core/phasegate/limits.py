"""What a client may ask of the listener: sizes, times, rates, each a key under `limits` in `gateway.yaml`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the listener, on by default. Sizes are in bytes, times in seconds; those of connections hold for one
    worker.
    """

    target_bytes: int = 8192
    """The longest request target; a longer one is 414."""
    head_bytes: int = 32_768
    """All of a request's fields together; more is 431."""
    head_fields: int = 100
    """How many fields a request has; more is 431."""
    body_bytes: int = 104_857_600
    """The longest body; a longer one is 413, before it is read where its length is declared."""
    body_memory_bytes: int = 67_108_864
    """Bodies that are held whole before they are sent on, all together, those up to 64 KiB apart; what is over it waits on
    disk, as does what is over 1 MiB of each.
    """
    body_files: int = 1024
    """Bodies that wait on disk at once, each a file; one more is answered 503."""
    message_bytes: int = 1_048_576
    """The longest message a client sends over a WebSocket; a longer one closes it with 1009."""
    head_timeout: float = 10.0
    """From the first byte of a head to its last; longer is 408."""
    body_timeout: float = 30.0
    """Each wait for the next part of a body that somebody wants to read; longer is 408."""
    body_rate: int = 200
    """Bytes a second that a body brings on average, counted while it is waited for after `body_timeout`; 0 asks for none."""
    idle_timeout: float = 75.0
    """How long a connection without a request is kept."""
    write_timeout: float = 30.0
    """How long a client may take nothing of what it is sent; then its connection, or its stream, is cut."""
    handshake_timeout: float = 10.0
    """How long a TLS handshake may take."""
    connection_age: float = 3600.0
    """After this time a connection finishes its requests and closes, which spreads clients over workers; 0 is never."""
    connections: int = 8192
    """Open connections; one more is answered 503."""
    admin_connections: int = 256
    """Open connections on the admin address, where that is none of the gateway's: they are counted apart; one more is
    answered 503.
    """
    connections_per_address: int = 1024
    """Open connections from one address, those of trusted proxies apart; one more is answered 503; 0 is any number."""
    streams: int = 100
    """Requests at once on one HTTP/2 connection; one more is refused, to be sent again."""
    resets: int = 200
    """Requests that an HTTP/2 client begins and resets in ten seconds; more ends its connection."""
    control_frames: int = 1000
    """HTTP/2 frames that carry nothing, in ten seconds: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, CONTINUATION;
    more ends the connection. Frames that answer what the client was sent don't count.
    """
    phase_timeout: float = 60.0
    """How long a plugin may wait in one phase, for anything but the client and calls of the gateway's own client, which have
    limits of their own; longer is 504. 0 is any time.
    """
    loop_stall: float = 1.0
    """How long a worker's event loop may stand still until the log says where; 0 never says."""

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


def _rules(name: str, default: float) -> dict[str, Any]:
    whole = isinstance(default, int)
    least: float = 0 if name in _ZERO_IS_NONE else 1 if whole else 0.001
    return {"type": "integer" if whole else "number", "min": least, "max": _LARGEST, "default": default}


RULES = {field.name: _rules(field.name, field.default) for field in dataclasses.fields(Limits)}  # type: ignore[arg-type]
"""The cerberus rules of the `limits` object."""
