"""How often an address has failed to show a key lately."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

_MOST = 10
_WINDOW_SECONDS = 60.0
_MOST_ADDRESSES = 4096
# What one subscriber is commonly given (RFC 6177 section 2).
_IPV6_PREFIX_BITS = 64


class Attempts:
    """Remembers the last failures of each address, ten in a minute, of the last 4,096 addresses that failed.

    An IPv6 address counts as its /64, which one caller has whole.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> None:
        """Count a failure."""
        caller = _caller(address)
        times = self._failures.setdefault(caller, deque(maxlen=_MOST))
        times.append(self._now())
        self._failures.move_to_end(caller)
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def wait_seconds(self, address: str) -> int:
        """Return how long the address has to wait, in whole seconds; 0 when it may try."""
        times = self._failures.get(_caller(address))
        if times is None or len(times) < _MOST:
            return 0
        return max(0, math.ceil(times[0] + _WINDOW_SECONDS - self._now()))


def _caller(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address) or parsed.ipv4_mapped:
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)
    return str(int(parsed) >> (128 - _IPV6_PREFIX_BITS))
