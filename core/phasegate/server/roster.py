"""Who is connected to a worker: how many there may be, who is overdue, and what is left to finish."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from typing import Literal, Protocol
from weakref import WeakSet

from ..http.address import Network, is_within
from ..http.body import Memory
from ..limits import Limits
from .inbound_body import InboundBody

_logger = logging.getLogger(__name__)

# How long an idle connection stays when the worker stops, for a request that is on its way already.
LAST_CALL_SECONDS = 1.0
_SLOWEST_SWEEP_SECONDS = 1.0
_QUICKEST_SWEEP_SECONDS = 0.02


class Member(Protocol):
    """A connection as the roster knows it."""

    address: str
    """The client's address."""
    deadline: float
    """When the roster calls `overdue`, by the loop's clock; 0 calls it at every sweep."""

    def overdue(self, now: float) -> None:
        """Look what takes too long, and end it."""

    def drain(self, deadline: float) -> None:
        """Take no more than what is under way; one that has nothing under way closes at `deadline`."""

    def abort(self) -> None:
        """Close at once."""


class Work(Protocol):
    """A request as its listener sees it through."""

    task: asyncio.Task[None] | None
    """What does it, None where that has yet to begin."""
    body: InboundBody | None
    """Where its own body comes in, None where it has none."""


class Roster:
    """The connections of one worker on its addresses, those of the gateway or the admin one.

    There is no timer for a request: one sweep looks at every connection's deadline. `most` names the limit of how many
    connections there may be.
    """

    def __init__(
        self,
        limits: Limits,
        trusted: tuple[Network, ...] = (),
        most: Literal["connections", "admin_connections"] = "connections",
    ) -> None:
        self.limits = limits
        self.memory = Memory(limits.body_memory_bytes, limits.body_files)
        """What bodies that are held share."""
        self.draining = False
        self.accepted: WeakSet[object] = WeakSet()
        """Connections that were accepted and are not made yet: a TLS handshake, or the loop's next turn."""
        self._trusted = trusted
        self._most = most
        self._members: set[Member] = set()
        self._by_address: Counter[str] = Counter()
        self._sweep_seconds = _sweep_seconds(limits)
        self._sweeping: asyncio.TimerHandle | None = None
        self._full = False
        self.working: set[Work] = set()
        """Requests whose answer is not done yet, or not logged, though their client may have left. Listeners add to it."""
        self.work_ended: Callable[[Work], None] = self.working.discard
        """Lets an exchange go: its answer has left and is logged."""
        self._idle = asyncio.Event()

    def __len__(self) -> int:
        return len(self._members)

    def admit(self, member: Member) -> bool:
        """Take a connection in; tell whether there is room for it."""
        limit = self.limits.connections_per_address
        if len(self._members) >= getattr(self.limits, self._most):
            return self._refuse(self._most)
        if limit and self._by_address[member.address] >= limit and not is_within(member.address, self._trusted):
            return self._refuse("connections_per_address")
        self._members.add(member)
        self._by_address[member.address] += 1
        self._full = False
        if self._sweeping is None:
            self._schedule()
        return True

    def replace(self, member: Member, successor: Member) -> bool:
        """Let another protocol speak on a connection; tell whether that was taken in."""
        if member not in self._members:
            return False
        self._members.discard(member)
        self._members.add(successor)
        return True

    def remove(self, member: Member) -> None:
        """Note that a connection is gone; one that was never taken in is no error."""
        if member not in self._members:
            return
        self._members.discard(member)
        self._by_address[member.address] -= 1
        if not self._by_address[member.address]:
            del self._by_address[member.address]
        self._note_end()

    async def drain(self, seconds: float) -> None:
        """Let every connection finish what is under way, and cut what is not done in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        self.draining = True
        self.work_ended = self._work_ended_at_last
        await self._until_made(min(end, loop.time() + self.limits.handshake_timeout))
        for member in tuple(self._members):
            member.drain(min(end, loop.time() + LAST_CALL_SECONDS))
        await self._until_idle(end)
        for member in tuple(self._members):
            member.abort()
        await self._until_idle(loop.time() + LAST_CALL_SECONDS)
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def _until_made(self, end: float) -> None:
        """Wait for connections that are accepted and not yet made: whoever is connected must be answered."""
        loop = asyncio.get_running_loop()
        for _ in range(3):
            await asyncio.sleep(0)
        while len(self.accepted) and loop.time() < end:  # noqa: ASYNC110 (a set of weak references tells nobody)
            await asyncio.sleep(_QUICKEST_SWEEP_SECONDS)

    async def _until_idle(self, end: float) -> None:
        self._idle.clear()
        self._note_end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self._idle.wait()

    def _work_ended_at_last(self, exchange: Work) -> None:
        self.working.discard(exchange)
        self._note_end()

    def _note_end(self) -> None:
        if not self._members and not self.working:
            self._idle.set()

    def _refuse(self, limit: str) -> bool:
        if not self._full:
            _logger.warning("connections refused", extra={"limit": limit, "open": len(self._members)})
        self._full = True
        return False

    def _schedule(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for member in tuple(self._members):
            if member.deadline <= now:
                self._look_at(member, now)
        if self._members:
            self._schedule()
        else:
            self._sweeping = None

    def _look_at(self, member: Member, now: float) -> None:
        """Let a connection end what takes too long; one that fails over it is closed, and the others are looked at."""
        try:
            member.overdue(now)
        except Exception:
            _logger.exception("connection failed", extra={"client": member.address})
            member.abort()


def _sweep_seconds(limits: Limits) -> float:
    """Return how often to look: often enough that no time is missed by more than a quarter of it."""
    times = (
        limits.handshake_timeout,
        limits.head_timeout,
        limits.body_timeout,
        limits.idle_timeout,
        limits.write_timeout,
    )
    return max(_QUICKEST_SWEEP_SECONDS, min(_SLOWEST_SWEEP_SECONDS, min(times) / 4))
