"""What the calls of one request were like, for whoever explains it. Where nobody does, calls are made as ever."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from .answers import Answer
from .call import Call

Send = Callable[[Call], Awaitable[Answer]]


@dataclass(slots=True, eq=False)
class SeenCall:
    """One call. Times are in seconds, `began` on the monotonic clock; `connected` has one for each connection that was made.

    `seconds` is the time to the answer's head, or to the `error`.
    """

    call: Call
    began: float
    connected: list[float] = field(default_factory=list)
    seconds: float | None = None
    status: int | None = None
    error: BaseException | None = None


class Watch:
    """Sees the calls of one request."""

    def __init__(self) -> None:
        self.calls: list[SeenCall] = []

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """See the calls of the current task, and of those that it starts, for the length of a block."""
        token = _watch.set(self)
        try:
            yield
        finally:
            _watch.reset(token)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
_call: ContextVar[SeenCall | None] = ContextVar("call", default=None)


async def seen(send: Send, call: Call) -> Answer:
    """Make a call, and have it seen where the current task is watched."""
    watch = _watch.get()
    if watch is None:
        return await send(call)
    one = SeenCall(call, time.monotonic())
    watch.calls.append(one)
    token = _call.set(one)
    try:
        answer = await send(call)
        one.status = answer.status
    except BaseException as error:
        one.error = error
        raise
    finally:
        one.seconds = time.monotonic() - one.began
        _call.reset(token)
    return answer


@contextlib.contextmanager
def connecting() -> Iterator[None]:
    """Measure how long it takes to connect, for the call that it is done for, if that is seen."""
    one = _call.get()
    if one is None:
        yield
        return
    began = time.monotonic()
    try:
        yield
    finally:
        one.connected.append(time.monotonic() - began)
