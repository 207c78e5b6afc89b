"""How many calls may be made once more, so that retries never become the load that keeps a function down."""

from __future__ import annotations

_MOST = 10.0
_EACH_SECOND = 0.1


class RetryBudget:
    """What a function's calls have earned in retries.

    It begins with ten retries, and each takes one. Each call adds `percent` hundredths, retries do not; each second adds a
    tenth, so that a function that is hardly called can retry at all; more than ten are never kept. Whoever calls counts up
    `calls`, and pays for nothing else. Times are in seconds, by a clock that never goes back.
    """

    __slots__ = ("__weakref__", "_at", "_counted", "_left", "_percent", "calls")

    def __init__(self, percent: int, now: float) -> None:
        self.calls = 0
        self._percent = percent
        self._left = _MOST
        self._counted = 0
        self._at = now

    def take(self, now: float) -> bool:
        """Take one retry, if there is one."""
        earned = (self.calls - self._counted) * self._percent / 100 + (now - self._at) * _EACH_SECOND
        self._counted, self._at = self.calls, now
        self._left = min(self._left + earned, _MOST)
        if self._left < 1:
            return False
        self._left -= 1
        return True
