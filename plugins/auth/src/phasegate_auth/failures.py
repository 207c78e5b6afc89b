"""Wrong passwords counted by who sends them, so that nobody can try many."""

from __future__ import annotations

from phasegate import Clock

_REMEMBERED = 20_000
# So many users' passwords may be tried wrong from one address before all of its tries are turned away.
_USERS = 5


class Failures:
    """Counts what did not hold, by address and user, and by address alone.

    After `most` failures within `seconds` a user's password is not looked at any more for a request from that address, and
    no password after five times as many, until those seconds are over. Whether there is such a user makes no difference.
    """

    def __init__(self, clock: Clock, *, most: int, seconds: float) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._counted: dict[tuple[str, ...], tuple[float, int]] = {}

    def are_too_many(self, address: str, username: str) -> bool:
        """Tell whether no more passwords are looked at."""
        if not self._most:
            return False
        return self._count((address, username)) >= self._most or self._count((address,)) >= self._most * _USERS

    def note(self, address: str, username: str) -> None:
        """Count one more."""
        for key in ((address, username), (address,)) if self._most else ():
            count = self._count(key)
            began = self._counted.pop(key)[0] if count else self._clock.monotonic()
            while len(self._counted) >= _REMEMBERED:
                del self._counted[next(iter(self._counted))]
            self._counted[key] = (began, count + 1)

    def _count(self, key: tuple[str, ...]) -> int:
        """Return how many there are, and forget those whose time is over."""
        began, count = self._counted.get(key, (0.0, 0))
        if count and self._clock.monotonic() >= began + self._seconds:
            del self._counted[key]
            return 0
        return count
