"""One request seen through: asked of the application, sent, and finished however it went."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from typing import Protocol

from ..application import Application, Passage
from ..errors import ClientClosed, RequestError, ResponseCut
from ..http.message import Request, Response
from .outgoing import own_answer

_logger = logging.getLogger(__name__)


class Outbound(Protocol):
    """The sending side of one request, as its protocol has it."""

    bytes_sent: int
    """Bytes of the body that went out so far."""
    begun: bool
    """Whether an answer's head is on its way."""
    started: bool
    """Whether anything is done for the request yet: a task that is cancelled before never does."""

    @property
    def closed(self) -> bool:
        """Whether the client is gone."""

    def send(self, response: Response) -> Awaitable[None] | None:
        """Send the whole answer; return what is left to wait for, None where it has left. Raise RequestError as that does,
        when the body breaks off.
        """

    def cut(self) -> None:
        """Leave the answer visibly unfinished."""

    def over(self) -> None:
        """Note that nothing more is done for the request."""


async def answer(application: Application, request: Request, refused: RequestError | None, outbound: Outbound) -> None:
    """Send what the application answers; a request that the listener refused is answered by that error.

    A body that breaks off cuts the answer; a client that leaves shows as cancellation with `outbound.closed`. Whatever the
    application raises is logged, and no client waits for ever over it.
    """
    outbound.started = True
    passage: Passage | None = None
    failure: RequestError | None = None
    try:
        passage = application.begin(request, refused)
        sending = outbound.send(await passage.answer())
        if sending is not None:
            await sending
    except asyncio.CancelledError:
        failure = ClientClosed("the client went away before its answer was complete")
        if not outbound.closed:
            outbound.cut()
            raise
    except RequestError as error:
        failure = error
        await _break_off(outbound, error)
    except Exception as error:
        _logger.exception("request can't be begun" if passage is None else "answer failed")
        kind = ResponseCut if outbound.begun else RequestError
        failure = kind(f"the answer could not be sent: {type(error).__name__}")
        await _break_off(outbound, failure)
    finally:
        try:
            if passage is not None:
                finishing = passage.finish(failure, outbound.bytes_sent)
                if finishing is not None:
                    await finishing
        except Exception:
            _logger.exception("request can't be finished")
        finally:
            outbound.over()


async def _break_off(outbound: Outbound, error: RequestError) -> None:
    """End an answer that can't be sent as it is: by the error where nothing has left, else by cutting it."""
    if not outbound.begun and not outbound.closed:
        with contextlib.suppress(RequestError):
            sending = outbound.send(own_answer(error))
            if sending is not None:
                await sending
            return
    outbound.cut()
