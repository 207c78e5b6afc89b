"""One request seen through: asked of the application, sent, and finished however it went."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..application import Passage
from ..errors import ClientClosed, RequestError
from ..http.message import Response


class Outbound(Protocol):
    """The sending side of one request, as its protocol has it."""

    bytes_sent: int
    """Bytes of the body that went out so far."""

    @property
    def closed(self) -> bool:
        """Whether the client is gone."""

    async def send(self, response: Response) -> None:
        """Send the whole answer. Raise RequestError when its body breaks off."""

    def cut(self) -> None:
        """Leave the answer visibly unfinished."""


async def answer(passage: Passage, outbound: Outbound) -> None:
    """Send what the application answers.

    A body that breaks off cuts the answer; a client that leaves shows as cancellation with `outbound.closed`.
    """
    failure: RequestError | None = None
    try:
        await outbound.send(await passage.answer())
    except asyncio.CancelledError:
        failure = ClientClosed("the client went away before its answer was complete")
        if not outbound.closed:
            raise
    except RequestError as error:
        failure = error
        outbound.cut()
    finally:
        await passage.finish(failure, outbound.bytes_sent)
