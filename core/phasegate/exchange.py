"""One request's passage through the gateway: the only thing that changes while it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import RequestError
from .http.message import Request, Response
from .model import Consumer, Credential, Route


@dataclass(slots=True)
class UpstreamFacts:
    """What is known of the call behind the gateway, for the access log. Times are in seconds."""

    address: str
    status: int | None = None
    seconds: float | None = None


@dataclass(slots=True, eq=False)
class Exchange:
    """What phases share: the request, who sent it, which route matched, and the answer once there is one.

    `request` is what rewrite phases change and upstreams get; `original` stays as received. `state` is a plugin's place
    for its own values, by plugin name. `params` are the route's path parameters, decoded by nobody. `claims` are what the
    caller's token says, once it is known to hold.
    """

    request: Request
    request_id: str
    started: float
    original: Request = field(init=False)
    route: Route | None = None
    params: dict[str, str] = field(default_factory=dict)
    prefix: str | None = None
    consumer: Consumer | None = None
    credential: Credential | None = None
    claims: Mapping[str, Any] | None = None
    response: Response | None = None
    error: RequestError | None = None
    upstream: UpstreamFacts | None = None
    bytes_sent: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    _closers: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.original = self.request.copy()

    @property
    def suffix(self) -> str | None:
        """The part of the path under the `*` of the route's uri, without its first slash; None on a route without `*`.

        A rewrite that leaves the route's prefix makes the whole new path the suffix, so that rewrites always count.
        """
        if self.prefix is None:
            return None
        return self.request.path.removeprefix(self.prefix).lstrip("/")

    def defer(self, closer: Callable[[], None]) -> None:
        """Call `closer` once the exchange is over, however it ends; the last deferred runs first."""
        self._closers.append(closer)

    def close(self) -> None:
        """Run every deferred closer. Called by the gateway."""
        while self._closers:
            self._closers.pop()()
