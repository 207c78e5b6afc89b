"""A request's body between the protocol that receives it and whoever reads it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..errors import RequestError

# Blocks that wait are joined up to this size: each of its own takes some 60 bytes more than it holds.
_JOINED_BYTES = 4096
# What is handed over at once where it is here whole.
_SHORT_BYTES = 65_536


class InboundBody:
    """Blocks of one body. `consumed` is called with the size of each block that was read, or thrown away."""

    __slots__ = (
        "_blocks",
        "_consumed",
        "_error",
        "_waited",
        "_waiter",
        "_waiting_since",
        "begun",
        "ended",
        "received",
        "size",
        "unwanted",
        "wanted",
    )

    def __init__(self, consumed: Callable[[int], None]) -> None:
        self.size = 0
        """Bytes that wait to be read."""
        self.received = 0
        """Bytes that came in so far."""
        self.begun = False
        """Whether anybody reads it."""
        self.ended = False
        """Whether it is here whole."""
        self.unwanted = False
        """Whether nobody will read it, so that what comes is thrown away."""
        self.wanted: Callable[[], None] | None = None
        """What to call when reading begins."""
        self._blocks: deque[bytes] = deque()
        self._consumed = consumed
        self._error: RequestError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_since = 0.0
        self._waited = 0.0

    @property
    def is_awaited(self) -> bool:
        """Whether its reader waits for the client."""
        return self._waiter is not None

    def feed(self, block: bytes) -> None:
        """Take a block from the client."""
        self.received += len(block)
        if self.unwanted:
            self._consumed(len(block))
            return
        if self._blocks and len(self._blocks[-1]) + len(block) <= _JOINED_BYTES:
            self._blocks[-1] += block
        else:
            self._blocks.append(block)
        self.size += len(block)
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

    def discard(self) -> None:
        """Throw away what is here and what comes: nobody will read it."""
        self.unwanted = True
        size, self.size = self.size, 0
        self._blocks.clear()
        if size:
            self._consumed(size)

    def is_too_slow(self, gap_seconds: float, least_rate: int, now: float) -> bool:
        """Tell whether the client lets its reader wait: for one block longer than that, or on average too long.

        Only time that the reader spends waiting counts. `least_rate` is in bytes a second, and `now` the loop's clock.
        """
        if self._waiter is None:
            return False
        waiting = now - self._waiting_since
        excess = self._waited + waiting - gap_seconds
        return waiting > gap_seconds or (excess > 0 and self.received < least_rate * excess)

    def here(self) -> bytes | None:
        """Return all of it where it is here whole, and short; nobody reads it otherwise then."""
        if not self.ended or self.begun or self.unwanted or self.size > _SHORT_BYTES:
            return None
        self.begun = True
        data, size = b"".join(self._blocks), self.size
        self._blocks.clear()
        self.size = 0
        if size:
            self._consumed(size)
        return data

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield the body, waiting for the client where need be. Raise what it failed with."""
        self.begun = True
        if self.wanted is not None and not (self._blocks or self.ended or self._error):
            self.wanted()
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
            self._waited += loop.time() - self._waiting_since
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
