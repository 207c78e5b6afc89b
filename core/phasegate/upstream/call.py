"""One call to an upstream, decided whole before it is made, and the answer to it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field

from ..http.body import Body
from ..http.headers import Headers, RawHeaders
from ..http.message import Response


@dataclass(frozen=True, slots=True)
class CallTimeouts:
    """How long each part of a call may take, in seconds.

    `connect` bounds name resolution, TCP and TLS; `send` the time the upstream takes to accept one block of the body;
    `head` the wait for a complete head; `gap` the wait for each block of the answer; `whole` the answer from its head to
    its end. With `head_from_start` the head's time runs from the beginning of the call, connecting included; without, from
    the moment the request is sent. Time spent waiting for the client never counts.
    """

    connect: float
    send: float
    head: float
    gap: float
    whole: float | None = None
    head_from_start: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to connect. Calls with equal values share idle connections; `tls_name` overrides the name TLS asks for."""

    verify: bool = True
    keepalive: bool = True
    keepalive_seconds: float = 60.0
    tls_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What goes on the wire: `target` is path and query as they are sent, `headers` include `host`."""

    method: str
    scheme: str
    address: str
    target: str
    headers: RawHeaders = field(repr=False)
    body: Body
    timeouts: CallTimeouts
    connection: ConnectionOptions = ConnectionOptions()


class Answer(Response):
    """An upstream's response. Whoever made the call closes it: `exchange.defer(answer.close)`."""

    __slots__ = ("_close",)

    def __init__(
        self, status: int, headers: Headers, body: bytes | AsyncIterable[bytes], close: Callable[[], None]
    ) -> None:
        super().__init__(status, headers, body)
        self._close = close

    def close(self) -> None:
        """Give the connection back: to the pool when the body was read whole, else to the system."""
        self._close()
