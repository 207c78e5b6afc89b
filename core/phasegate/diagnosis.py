"""What `phasegate doctor` speaks in: how something that was looked at is, and what to do where it is not well."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

Level = Literal["ok", "note", "warning", "error"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. People and logs read it: no secret may be in it.

    `about` names it in a word or two (`credentials`), `message` says how it is, `remedy` what to do. Of the levels `note` is
    for what can't be looked at without harm, or is good to know; an `error` is what requests fail by.
    """

    about: str
    message: str
    level: Level = "ok"
    remedy: str = ""


async def in_thread(function: Callable[[], T]) -> T:
    """Return what a function returns that blocks, or raise what it raises, while the event loop goes on.

    The thread is a daemon of its own: whoever gives up waiting, or the end of the program, does not wait for it.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def land(result: T | None, error: Exception | None) -> None:
        if not outcome.done():
            outcome.set_result(result) if error is None else outcome.set_exception(error)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 (handed to whoever waits)
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(land, result, failure)

    threading.Thread(target=run, daemon=True).start()
    return await outcome
