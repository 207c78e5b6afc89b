"""What is asked of the peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["h1", "h2c", "h1s", "h2s"]
"""HTTP/1.1, HTTP/2 with prior knowledge, and both over TLS."""
Mode = Literal["api-key", "sigv4", "forward", "hello"]
"""What a peer does with a request: passes it on with an API key, signed (AWS Signature Version 4), or as it is; or says
hello itself.
"""

PROXY_MODES: tuple[Mode, ...] = ("api-key", "sigv4", "forward")
_WITH = {
    "h1": "HTTP/1.1 (wrk)",
    "h2c": "HTTP/2 with prior knowledge (h2load)",
    "h1s": "HTTP/1.1 over TLS (wrk)",
    "h2s": "HTTP/2 over TLS (h2load)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of load; every peer is measured in each of `modes` that it has, or only the `peers` of these names.

    `connections` are open at once, each with `streams` requests in flight (over HTTP/1.1 always one). With `rate` each
    connection makes so many requests a second, over HTTP/2 only, else as many as are answered. With `body_bytes` the
    requests are POSTs with a body of that size, without they are GETs.
    """

    name: str
    protocol: Protocol
    modes: tuple[Mode, ...] = PROXY_MODES
    peers: frozenset[str] = frozenset()
    body_bytes: int = 0
    connections: int = 64
    streams: int = 1
    rate: int = 0

    @property
    def body(self) -> str | None:
        """A JSON object of `body_bytes` bytes, None where the requests have no body."""
        return '{"text":"' + "x" * (self.body_bytes - 11) + '"}' if self.body_bytes else None

    @property
    def is_http2(self) -> bool:
        """Whether it is HTTP/2, with or without TLS."""
        return self.protocol in {"h2c", "h2s"}

    @property
    def summary(self) -> str:
        """What the scenario is, in a few words."""
        what = f"POST of {self.body_bytes} bytes" if self.body_bytes else "GET"
        return f"{what} over {_WITH[self.protocol]}, {self.connections} connections x {self.streams} in flight"

    def asks(self, name: str) -> bool:
        """Whether a peer of this name is measured."""
        return not self.peers or name in self.peers
