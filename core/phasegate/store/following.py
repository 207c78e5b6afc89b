"""How a store is watched: by looking whenever something tells that there may be news, and now and then besides."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from .records import Contents, Revision, StoreUnavailable

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

News = Sequence[Revision | Contents]


class Bell:
    """Wakes everybody who waits for news."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """What the next ring sets; ask for it before looking, so that no ring in between is lost."""
        return self._rung

    def ring(self) -> None:
        """Wake them."""
        self._rung.set()
        self._rung = asyncio.Event()


class Outage:
    """Tells once that a store is away, and once that it is back."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._pause = 0.0

    def failed(self, error: StoreUnavailable) -> float:
        """Note a failure, and return how many seconds to wait before the next try."""
        if not self._pause:
            logger.warning("store unavailable", extra={"store": self._store, "cause": str(error)})
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        return self._pause

    def over(self) -> None:
        """Note that the store answered."""
        if self._pause:
            logger.info("store back", extra={"store": self._store})
        self._pause = 0.0


async def follow(
    after: int, look: Callable[[int], Awaitable[News]], *, store: str, bell: Bell, poll_seconds: float
) -> AsyncGenerator[Revision | Contents, None]:
    """Yield what `look` finds after a revision, for ever: whenever the bell rings, and every `poll_seconds`.

    `look` returns the revisions that follow the one it is given, or contents where they are not kept any more.
    """
    outage = Outage(store)
    while True:
        rung, pause = bell.next, poll_seconds
        try:
            news = await look(after)
        except StoreUnavailable as error:
            news, pause = (), outage.failed(error)
        else:
            outage.over()
        for item in news:
            after = item.number if isinstance(item, Revision) else item.revision
            yield item
        if not news:
            # Not `wait_for`, which on Python 3.11 forgets a cancellation that comes together with the ring.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await rung.wait()


def following(after: int, revisions: Sequence[Revision]) -> Sequence[Revision] | None:
    """Return the revisions if they follow the given one without a gap, else None."""
    numbers = [revision.number for revision in revisions]
    return revisions if numbers and numbers == list(range(after + 1, after + 1 + len(numbers))) else None
