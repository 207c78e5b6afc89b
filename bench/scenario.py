"""What is asked of the peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["h1", "h2c"]
Mode = Literal["api-key", "sigv4", "forward", "hello"]
"""What a peer does with a request: passes it on with an API key, signed (AWS Signature Version 4), or as it is; or says
hello itself.
"""

PROXY_MODES: tuple[Mode, ...] = ("api-key", "sigv4", "forward")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of load; every peer is measured in each of `modes` that it has.

    `connections` are open at once, each with `streams` requests in flight (over HTTP/1.1 always one). With `rate` each
    connection makes so many requests a second, over HTTP/2 only, else as many as are answered. With `body_bytes` the
    requests are POSTs with a body of that size, without they are GETs.
    """

    name: str
    protocol: Protocol
    modes: tuple[Mode, ...] = PROXY_MODES
    body_bytes: int = 0
    connections: int = 64
    streams: int = 1
    rate: int = 0

    @property
    def body(self) -> str | None:
        """A JSON object of `body_bytes` bytes, None where the requests have no body."""
        return '{"text":"' + "x" * (self.body_bytes - 11) + '"}' if self.body_bytes else None

    @property
    def summary(self) -> str:
        """What the scenario is, in a few words."""
        what = f"POST of {self.body_bytes} bytes" if self.body_bytes else "GET"
        how = "HTTP/1.1 (wrk)" if self.protocol == "h1" else "HTTP/2 with prior knowledge (h2load)"
        return f"{what} over {how}, {self.connections} connections x {self.streams} in flight"
