"""One call to an upstream, decided whole before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..http.body import Body
from ..http.headers import RawHeaders
from ..http.passing import Passing
from ..model import UpstreamTLS

_SYSTEMS_TRUST = UpstreamTLS()
_new = object.__new__


@dataclass(frozen=True, slots=True)
class CallTimeouts:
    """How long each part of a call may take, in seconds.

    `connect` bounds name resolution, TCP and TLS; `send` the time the upstream takes to accept one block of the body;
    `head` the wait for a complete head; `gap` the wait for each block of the answer; `whole` the answer from its head to
    its end. With `head_from_start` the head's time runs from the beginning of the call, connecting included; without, from
    the moment the request is sent. Time spent waiting for the client never counts. Times are kept to 25 ms.
    """

    connect: float
    send: float
    head: float
    gap: float
    whole: float | None = None
    head_from_start: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to connect, and how long to keep a connection that nobody uses.

    `keepalive_pool` bounds how many are kept idle, never how many there are, and `keepalive_calls` how many calls each
    carries. `tls_name` overrides the name TLS asks for.
    """

    tls: UpstreamTLS = _SYSTEMS_TRUST
    tls_name: str | None = None
    keepalive: bool = True
    keepalive_seconds: float = 60.0
    keepalive_pool: int = 320
    keepalive_calls: int | None = None


OriginKey = frozenset[tuple[str, str, ConnectionOptions]]


class Origin:
    """Where calls go, made once when the configuration is loaded. Calls to equal ones share idle connections."""

    __slots__ = ("address", "connection", "key", "scheme")

    def __init__(self, scheme: str, address: str, connection: ConnectionOptions = ConnectionOptions()) -> None:
        self.scheme = scheme
        self.address = address
        """Host and port as in a URL; the port may be left out where it is the scheme's own."""
        self.connection = connection
        self.key: OriginKey = frozenset([(scheme, address, connection)])
        """What is equal for equal ones. A frozenset computes its hash once, and is looked up without a call of ours."""

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Origin) else NotImplemented

    def __repr__(self) -> str:
        return f"<Origin {self.scheme}://{self.address}>"


@dataclass(slots=True, kw_only=True)
class Call:
    """What goes on the wire: `target` is path and query as they are sent, `headers` include `host`."""

    method: str
    origin: Origin
    target: str
    headers: RawHeaders = field(repr=False)
    body: Body
    timeouts: CallTimeouts
    passing: Passing | None = field(default=None, repr=False, compare=False)
    """What may hold lines of the headers behind the second, where they are the same fields."""


def call_of(  # noqa: PLR0917 (names would take a third of what this saves)
    method: str,
    origin: Origin,
    path: str,
    query: str,
    headers: RawHeaders,
    body: Body,
    timeouts: CallTimeouts,
    passing: Passing | None,
) -> Call:
    """Return the call that a request becomes: what `Call` makes by its names, in two thirds of the time.

    The length of its body is added to `headers`, a list of its own.
    """
    if body.length or method != "GET":
        headers += content_length(method, body)
    call: Call = _new(Call)
    call.method = method
    call.origin = origin
    call.target = f"{path}?{query}" if query else path
    call.headers = headers
    call.body = body
    call.timeouts = timeouts
    call.passing = passing
    return call


def content_length(method: str, body: Body) -> RawHeaders:
    """Return the `content-length` field of a request (RFC 9110 section 8.6), none for a body of unknown length.

    Methods that carry no content by themselves go without it when there is no body.
    """
    if body.length is None or (body.length == 0 and method in ("GET", "HEAD", "OPTIONS", "TRACE", "DELETE")):
        return []
    return [(b"content-length", str(body.length).encode())]
