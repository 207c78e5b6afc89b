"""Time limits of many connections without a timer for each."""

from __future__ import annotations

import asyncio
from typing import Protocol

_BUSY_SECONDS = 0.025
_QUIET_SECONDS = 0.25


class Member(Protocol):
    """What has a deadline."""

    busy: bool
    deadline: float

    def overdue(self) -> None:
        """End what takes too long."""


class Sweeper:
    """Looks at every member's deadline: every 25 ms while there is work under way, else four times a second."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._members: set[Member] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.at_rest = True
        """Whether it has to be roused when a deadline is set."""

    def add(self, member: Member) -> None:
        """Look at a member from now on."""
        self._members.add(member)

    def discard(self, member: Member) -> None:
        """Look at it no more."""
        self._members.discard(member)

    def rouse(self) -> None:
        """Look often: a deadline was set."""
        if self.at_rest:
            self.at_rest = False
            self._schedule(_BUSY_SECONDS)

    def close(self) -> None:
        """Look at nothing any more, unless a deadline is set again."""
        if self._timer is not None:
            self._timer.cancel()
        self.at_rest = True

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        now, busy = self._loop.time(), False
        for member in tuple(self._members):
            busy = busy or member.busy
            if member.deadline <= now:
                member.overdue()
        self.at_rest = not busy
        self._timer = None
        if self._members:
            self._schedule(_BUSY_SECONDS if busy else _QUIET_SECONDS)
