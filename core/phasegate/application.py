"""What a listener serves: something that takes requests in and sees each of them through."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from .errors import RequestError
from .http.message import Request, Response


class Passage(Protocol):
    """One request under way. The listener calls `answer` once, then `finish`, however it went."""

    def answer(self) -> Awaitable[Response]:
        """Return the answer; its body may still be streaming in."""

    def finish(self, error: RequestError | None, bytes_sent: int) -> Awaitable[None] | None:
        """End it once the answer has left or failed; `error` tells what broke it off after its head.

        Return what is left to wait for, None where there is nothing.
        """


async def finish(passage: Passage, error: RequestError | None, bytes_sent: int) -> None:
    """End a passage, and wait until that is done."""
    finishing = passage.finish(error, bytes_sent)
    if finishing is not None:
        await finishing


class Application(Protocol):
    """The gateway, or the Admin API, as a listener knows them."""

    def begin(self, request: Request, refused: RequestError | None = None) -> Passage:
        """Take a request in, as the listener cleaned it; with `refused` it is answered by that error."""
