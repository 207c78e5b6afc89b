"""What every event format is made of: one request, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request on its way into an event.

    `path` and `query` are as on the wire, escapes kept. `fields` have lower-case names, in sent order, one character a
    byte, without those of one connection. `route` is the uri of the route, `params` what its parameters stand for, `*`
    included as `proxy`. `time` is in seconds since 1970. `authorizer` is what the format's events tell of the caller.
    """

    method: str
    path: str
    query: str
    fields: Pairs = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    host: str
    protocol: str = "HTTP/1.1"
    source_ip: str
    request_id: str
    time: float
    route: str = "/"
    params: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
    authorizer: Mapping[str, Any] | None = None

    def header(self, name: str) -> str:
        """Return the last value of a field, empty where there is none."""
        return next((value for other, value in reversed(self.fields) if other == name), "")

    @property
    def domain(self) -> str:
        """The host without its port."""
        return self.host.partition("]")[0] + "]" if self.host.startswith("[") else self.host.partition(":")[0]

    @property
    def prefix(self) -> str:
        """The first label of the host, which on AWS is an API's id."""
        return self.domain.partition(".")[0]

    @property
    def resource(self) -> str:
        """The route as API Gateway writes it: `/a/{id}`, `/b/{proxy+}`."""
        segments = (f"{{{part[1:]}}}" if part.startswith(":") else part for part in self.route.split("/"))
        path = "/".join(segments)
        return f"{path[:-1]}{{proxy+}}" if path.endswith("*") else path
