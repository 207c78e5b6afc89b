"""A request's body between the protocol that receives it and whoever reads it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..errors import RequestError


class InboundBody:
    """Blocks of one body. `wanted` is called when reading begins, `consumed` with the size of each block that was read."""

    __slots__ = (
        "_blocks",
        "_consumed",
        "_error",
        "_waiter",
        "_waiting_since",
        "_wanted",
        "begun",
        "ended",
        "received",
        "size",
    )

    def __init__(self, *, wanted: Callable[[], None] | None, consumed: Callable[[int], None]) -> None:
        self.size = 0
        """Bytes that wait to be read."""
        self.received = 0
        """Bytes that came in so far."""
        self.begun = False
        """Whether anybody reads it."""
        self.ended = False
        """Whether it is here whole."""
        self._waiting_since = 0.0
        self._blocks: deque[bytes] = deque()
        self._wanted = wanted
        self._consumed = consumed
        self._error: RequestError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, block: bytes) -> None:
        """Take a block from the client."""
        self._blocks.append(block)
        self.size += len(block)
        self.received += len(block)
        self._wake()

    def end(self) -> None:
        """Note that the body is here whole."""
        self.ended = True
        self._wake()

    def fail(self, error: RequestError) -> None:
        """Let the reader fail once it has read what is here; a body that is here whole does not fail any more."""
        if not self.ended and self._error is None:
            self._error = error
            self._wake()

    def waits_longer_than(self, seconds: float, now: float) -> bool:
        """Tell whether the reader has waited for the client that long; `now` is the loop's clock."""
        return self._waiter is not None and now - self._waiting_since > seconds

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield the body, waiting for the client where need be. Raise what it failed with."""
        self.begun = True
        if self._wanted is not None and not self._blocks:
            self._wanted()
        while True:
            while self._blocks:
                block = self._blocks.popleft()
                self.size -= len(block)
                self._consumed(len(block))
                yield block
            if self._error is not None:
                raise self._error
            if self.ended:
                return
            await self._wait()

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._waiting_since = loop.time()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
