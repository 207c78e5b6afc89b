"""One run of a function whose answer is sent on while the function still writes it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import io
import json
from collections.abc import AsyncGenerator
from typing import Any

from .event_frames import invoke_complete, payload_chunk
from .log import Log
from .outcome import Failed, Outcome, Returned, Throttled, TooLarge
from .pool import Invocation, Pool

_TAIL_BYTES = 4096


def log_tail(lines: io.StringIO) -> str:
    """Return the last 4 KB of an invocation's log as the API gives them: base64."""
    return base64.b64encode(lines.getvalue().encode()[-_TAIL_BYTES:]).decode()


def error_document(failed: Failed) -> bytes:
    """Return what the API says of a function that failed."""
    document: dict[str, Any] = {"errorMessage": failed.message, "errorType": failed.error_type}
    if failed.stack_trace:
        document["stackTrace"] = failed.stack_trace
    return json.dumps(document).encode()


class StreamRun:
    """Runs a function, holding it up while nobody takes what it has written."""

    def __init__(self, pool: Pool, log: Log, invocation: Invocation) -> None:
        self._parts: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._lines = io.StringIO()
        run = pool.invoke(dataclasses.replace(invocation, sink=self._parts.put), log.also(self._lines))
        self._running = asyncio.ensure_future(run)
        self._next: asyncio.Future[bytes] | None = None

    async def refused(self) -> Throttled | TooLarge | None:
        """Wait until the function has written something or ended. Return why it was not run, if so."""
        self._next = asyncio.ensure_future(self._parts.get())
        await asyncio.wait((self._next, self._running), return_when=asyncio.FIRST_COMPLETED)
        outcome = self._running.result() if self._running.done() else None
        if isinstance(outcome, Throttled | TooLarge):
            self._next.cancel()
            return outcome
        return None

    async def frames(self, *, tail: bool) -> AsyncGenerator[bytes, None]:
        """Yield the events of the answer. Closing this ends the run."""
        try:
            while (part := await self._part()) is not None:
                yield payload_chunk(part)
            outcome = self._running.result()
            if isinstance(outcome, Returned) and not outcome.streamed:
                yield payload_chunk(json.dumps(outcome.payload).encode())
            yield invoke_complete(self._ending(outcome, tail=tail))
        finally:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _part(self) -> bytes | None:
        """Return the next part, None once the function has ended and all are taken."""
        waiting = self._next or asyncio.ensure_future(self._parts.get())
        self._next = None
        await asyncio.wait((waiting, self._running), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        return None if self._parts.empty() else self._parts.get_nowait()

    def _ending(self, outcome: Outcome, *, tail: bool) -> bytes:
        document = {"LogResult": log_tail(self._lines)} if tail else {}
        if isinstance(outcome, Failed):
            document |= {"ErrorCode": "Unhandled", "ErrorDetails": error_document(outcome).decode()}
        return json.dumps(document).encode()
