"""A request as it came from the wire."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One HTTP request, nothing decoded. `target` is path and query with every byte as sent, `time` Unix seconds.

    `peer` is the address that it came from, `port` the one that it came to.
    """

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    protocol: str = "HTTP/1.1"
    peer: str = "127.0.0.1"
    port: int = 80
    time: float = 0.0

    @property
    def path(self) -> bytes:
        """The target before its question mark."""
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        """The target after its question mark."""
        return self.target.partition(b"?")[2]

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields as text, one character a byte, in sent order and with the names as sent."""
        return [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in self.headers]

    def header(self, name: str, default: str = "") -> str:
        """Return the last value of a header field, `default` when there is none."""
        values = [value for other, value in self.fields() if other.lower() == name]
        return values[-1] if values else default
