"""Nonces that were seen, so that none counts twice."""

from __future__ import annotations

from phasegate import Clock, ServiceUnavailable

_MOST = 100_000


class Nonces:
    """Remembers each nonce for as long as a request with it could come again, in seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._seen: dict[tuple[str, str], float] = {}

    def is_new(self, key_id: str, nonce: str) -> bool:
        """Note a nonce, and tell whether it is the first of its kind. Raise ServiceUnavailable when there is no room."""
        now = self._clock.monotonic()
        while self._seen and next(iter(self._seen.values())) <= now:
            del self._seen[next(iter(self._seen))]
        if (key_id, nonce) in self._seen:
            return False
        if len(self._seen) >= _MOST:
            raise ServiceUnavailable(f"{_MOST} nonces are remembered already")
        self._seen[key_id, nonce] = now + self._seconds
        return True
