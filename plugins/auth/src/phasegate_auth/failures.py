"""Wrong passwords counted by who sends them, so that nobody can try many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address

from phasegate import Clock

_REMEMBERED = 20_000
# So many users' passwords may be tried wrong from one address before all of its tries are turned away.
_USERS = 5
# Who has one address of IPv6 has all that begin with the same 64 bits (RFC 6177).
_HOST_BITS = 64


class Failures:
    """Counts what did not hold, by address and user, and by address alone.

    After `most` failures within `seconds` a user's password is not looked at any more for a request from that address, and
    no password after five times as many, until those seconds are over. Whether there is such a user makes no difference.
    Passwords of a user that are looked at just now count as wrong for others, or many at once would all be looked at.
    Addresses of IPv6 are counted by their network, since who has one has as many as he likes.
    """

    def __init__(self, clock: Clock, *, most: int, seconds: float) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._counted: dict[tuple[str, ...], tuple[float, int]] = {}
        self._tried: dict[tuple[str, str], Counter[str]] = {}

    def are_too_many(self, address: str, username: str, password: str) -> bool:
        """Tell whether no more passwords are looked at."""
        if not self._most:
            return False
        pair = (_source(address), username)
        others = self._tried.get(pair, Counter()).keys() - {password}
        return self._count(pair) + len(others) >= self._most or self._count(pair[:1]) >= self._most * _USERS

    @contextmanager
    def trying(self, address: str, username: str, password: str) -> Iterator[None]:
        """Know that a password is being looked at."""
        pair = (_source(address), username)
        tried = self._tried.setdefault(pair, Counter())
        tried[password] += 1
        try:
            yield
        finally:
            tried[password] -= 1
            tried += Counter()
            if not tried:
                self._tried.pop(pair, None)

    def note(self, address: str, username: str) -> None:
        """Count one more."""
        source = _source(address)
        for key in ((source, username), (source,)) if self._most else ():
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


@lru_cache(maxsize=4096)
def _source(address: str) -> str:
    """Return what the requests of one sender have in common: an address of IPv4, or a network of IPv6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    plain = getattr(found, "ipv4_mapped", None) or found
    return str(plain) if plain.version == 4 else f"{int(plain) >> _HOST_BITS:x}/{_HOST_BITS}"
