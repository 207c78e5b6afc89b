"""One request's passage through the gateway: the only thing that changes while it is answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from .errors import RequestError
from .http.address import parse_address
from .http.message import Request, Response
from .model import Consumer, Credential, Route

_logger = logging.getLogger(__name__)


class FunctionFacts(TypedDict, total=False):
    """What a function's service tells of a run and what it cost; what nobody told is left out.

    `qualifier` is the version that was chosen where there was a choice, and `retries` how often the call was made once more.
    `request_id` is the service's own id of the run and `trace_id` that of its trace, `version` the one that ran, `error` the
    kind of its failure. `cold_start` says whether an instance was made for it, which took `init_ms`; `duration_ms` is the
    run itself, `billed_ms` what is paid for. `memory_mb` is what the function may use, `max_memory_mb` what it has used.
    """

    qualifier: str
    retries: int
    request_id: str
    trace_id: str
    version: str
    error: str
    cold_start: bool
    duration_ms: float
    billed_ms: float
    init_ms: float
    memory_mb: int
    max_memory_mb: int


@dataclass(slots=True)
class UpstreamFacts:
    """What is known of the call behind the gateway, for the access log and for whoever counts. Times are in seconds.

    `function` is what a function's service told, None for what is no function or one that tells nothing. Of a function
    that streams it is complete once its answer has ended.
    """

    address: str
    status: int | None = None
    seconds: float | None = None
    function: FunctionFacts | None = None


class Exchange:
    """What phases share: the request, who sent it, which route matched, and the answer once there is one.

    `request` is what rewrite phases change and upstreams get; `original` stays as received. `claims` are what the caller's
    token says, once it is known to hold.
    """

    __slots__ = (
        "_closers",
        "_original",
        "_params",
        "_state",
        "bytes_sent",
        "claims",
        "consumer",
        "credential",
        "error",
        "prefix",
        "received",
        "request",
        "request_id",
        "response",
        "route",
        "started",
        "upstream",
    )

    def __init__(self, request: Request, request_id: str, started: float) -> None:
        self.request = request
        self.request_id = request_id
        self.started = started
        self.route: Route | None = None
        self.prefix: str | None = None
        self.consumer: Consumer | None = None
        self.credential: Credential | None = None
        self.claims: Mapping[str, Any] | None = None
        self.response: Response | None = None
        self.error: RequestError | None = None
        self.upstream: UpstreamFacts | None = None
        self.bytes_sent = 0
        self._closers: list[Callable[[], None]] | None = None
        self.received = request.values()
        """What `original` is made of when somebody asks for it; the header fields, as they are in `raw`, come last."""
        self._original: Request | None = None
        # Hardly anybody asks for either.
        self._params: dict[str, str] | None = None
        self._state: dict[str, Any] | None = None

    @property
    def params(self) -> dict[str, str]:
        """The route's path parameters, decoded by nobody."""
        if self._params is None:
            self._params = {}
        return self._params

    @params.setter
    def params(self, value: dict[str, str]) -> None:
        self._params = value

    @property
    def state(self) -> dict[str, Any]:
        """A plugin's place for its own values, by plugin name."""
        if self._state is None:
            self._state = {}
        return self._state

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        self._state = value

    @property
    def original(self) -> Request:
        """The request as it was received."""
        if self._original is None:
            self._original = Request.of(self.received)
        return self._original

    @property
    def suffix(self) -> str | None:
        """The part of the path under the `*` of the route's uri, without its first slash; None on a route without `*`.

        A rewrite that leaves the route's prefix makes the whole new path the suffix, so that rewrites always count.
        """
        if self.prefix is None:
            return None
        return self.request._path.removeprefix(self.prefix).lstrip("/")  # noqa: SLF001 (a property takes seven times as long)

    def set_client(self, address: str) -> None:
        """Take the request to come from another address, for everybody behind and for the log.

        A port behind it is left out. Raise ValueError for what is no IP address. Whoever sets it has to know that the
        connection's other end, `request.peer`, may be believed.
        """
        found = parse_address(address)
        if found is None:
            raise ValueError(f"{address!r} is no IP address")
        self.original.client = self.request.client = found
        self.received = self.original.values()

    def defer(self, closer: Callable[[], None]) -> None:
        """Call `closer` once the exchange is over, however it ends; the last deferred runs first."""
        if self._closers is None:
            self._closers = [closer]
        else:
            self._closers.append(closer)

    def close(self) -> None:
        """Run every deferred closer, those too that come after one that fails. Called by the gateway."""
        while self._closers:
            closer = self._closers.pop()
            try:
                closer()
            except Exception:
                _logger.exception("closer failed", extra={"request_id": self.request_id})
