"""One run of a function whose answer is sent on while the function still writes it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import io
import json
from collections.abc import AsyncIterator

from .event_frames import invoke_complete, payload_chunk
from .log import Log
from .outcome import Failed, Outcome, Returned
from .pool import Invocation, Part, Pool

_TAIL_BYTES = 4096


def log_tail(lines: io.StringIO) -> str:
    """Return the last 4 KB of an invocation's log as the API gives them: base64."""
    return base64.b64encode(lines.getvalue().encode()[-_TAIL_BYTES:]).decode()


class StreamRun:
    """Runs a function, holding it up while nobody takes what it has written. `end` must be called in the end."""

    def __init__(self, pool: Pool, log: Log, invocation: Invocation) -> None:
        self._parts: asyncio.Queue[Part] = asyncio.Queue(1)
        self._lines = io.StringIO()
        run = pool.invoke(dataclasses.replace(invocation, sink=self._parts.put), log.also(self._lines))
        self._running = asyncio.ensure_future(run)
        self._first: Part | None = None

    @property
    def outcome(self) -> Outcome:
        """How the function has ended, once there is no further part."""
        return self._running.result()

    async def begin(self) -> Outcome | None:
        """Wait until the function has written something. Return how it ended where it never did."""
        self._first = await self.part()
        return self.outcome if self._first is None else None

    async def part(self) -> Part | None:
        """Return the next part, None once the function has ended and all are taken."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        waiting = asyncio.ensure_future(self._parts.get())
        try:
            await asyncio.wait((waiting, self._running), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        finally:
            waiting.cancel()
        return None if self._parts.empty() else self._parts.get_nowait()

    async def frames(self, *, tail: bool) -> AsyncIterator[bytes]:
        """Yield the events of the Lambda API's answer."""
        while (part := await self.part()) is not None:
            yield payload_chunk(part.data)
        outcome = self.outcome
        if isinstance(outcome, Returned) and not outcome.streamed:
            yield payload_chunk(json.dumps(outcome.payload).encode())
        yield invoke_complete(self._ending(outcome, tail=tail))

    async def end(self) -> None:
        """End the function where it still runs."""
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running

    def _ending(self, outcome: Outcome, *, tail: bool) -> bytes:
        document = {"LogResult": log_tail(self._lines)} if tail else {}
        if isinstance(outcome, Failed):
            document |= {"ErrorCode": "Unhandled", "ErrorDetails": outcome.document().decode()}
        return json.dumps(document).encode()
