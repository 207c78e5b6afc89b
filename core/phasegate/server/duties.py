"""What a process sees to for as long as it lives, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 5.0


async def again_and_again(duty: Callable[[], Awaitable[None]]) -> None:
    """See to a duty until it is done, which most never are; one that fails is reported, and taken up again."""
    while True:
        try:
            await duty()
        except Exception:
            _logger.exception("can't follow changes", extra={"duty": duty.__name__.strip("_")})
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return
