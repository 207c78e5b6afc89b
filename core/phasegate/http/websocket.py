"""WebSockets as a gateway passes them on, message by message (RFC 6455)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .headers import Headers
from .message import Response

GOING_AWAY = 1001
INTERNAL_ERROR = 1011


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a WebSocket: a code (RFC 6455 section 7.4) and a word."""

    code: int = 1000
    reason: str = ""


class WebSocket(Protocol):
    """One side of a WebSocket."""

    async def receive(self) -> str | bytes | Close:
        """Return the next message, or why there will be none."""

    async def send(self, message: str | bytes) -> None:
        """Send a message, waiting until the other end has room for it."""

    async def close(self, close: Close) -> None:
        """End it; one that has ended already is no error."""


class WebSocketAnswer(Response):
    """What answers a handshake that an upstream has accepted: from now on both sides' messages are passed on."""

    __slots__ = ("peer", "subprotocol")

    def __init__(self, headers: Headers, peer: WebSocket, subprotocol: str | None) -> None:
        super().__init__(101, headers)
        self.peer = peer
        self.subprotocol = subprotocol
