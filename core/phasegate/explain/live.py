"""Requests on the public port that ask to be explained: who may, how often, and where the explanations go."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

import orjson

from .kept import Kept
from .report import Told
from .tokens import Tokens

_logger = logging.getLogger(__name__)

# So many a second of one worker are explained; others are answered as ever.
_MOST_A_SECOND = 10


class Live:
    """Lets requests be explained by their tokens; `now` gives the seconds that the rate is measured in."""

    def __init__(self, tokens: Tokens, kept: Kept, now: Callable[[], float] = time.monotonic) -> None:
        self.tokens = tokens
        self.kept = kept
        self._now = now
        self._times: deque[float] = deque(maxlen=_MOST_A_SECOND)

    def admits(self, token: bytes) -> bool:
        """Tell whether a request with this token is to be explained, and count it if so."""
        if not self.tokens.holds(token):
            return False
        now = self._now()
        if len(self._times) == _MOST_A_SECOND and now - self._times[0] < 1.0:
            return False
        self._times.append(now)
        return True

    def keep(self, told: Told) -> None:
        """Keep an explanation for whoever fetches it."""
        request_id = told["request"]["id"]
        self.kept.keep(request_id, orjson.dumps(told))
        _logger.info("request explained", extra={"request_id": request_id})
