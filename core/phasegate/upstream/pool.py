"""The connections to one origin, kept while nobody uses them."""

from __future__ import annotations

import asyncio
import sys

from ..outbox import Outbox
from .call import CallTimeouts, Origin
from .connection import UpstreamConnection
from .connector import Connector
from .sweeper import Sweeper
from .watching import connecting

# How long a connection beyond `keepalive_pool` waits for another call: where there are always more calls under way than
# that, each would else need a connection of its own.
_SURPLUS_SECONDS = 0.25


class Pool:
    """Gives out connections to one origin. The one used last comes first, so that those that are not needed grow old."""

    def __init__(self, origin: Origin, connector: Connector, sweeper: Sweeper, outbox: Outbox) -> None:
        self.sweeper = sweeper
        self.outbox = outbox
        self.loop = asyncio.get_running_loop()
        self._origin = origin
        self._connector = connector
        self._idle: list[UpstreamConnection] = []
        self._made: set[UpstreamConnection] = set()
        self._connecting = 0
        self._closed = False
        options = origin.connection
        self._seconds, self._size = options.keepalive_seconds, options.keepalive_pool
        self._most_calls = options.keepalive_calls if options.keepalive_calls is not None else sys.maxsize
        if not options.keepalive or options.keepalive_seconds <= 0:
            self._most_calls = 0

    @property
    def unused(self) -> bool:
        """Whether there is no connection, and none on its way."""
        return not self._made and not self._connecting

    def take(self) -> UpstreamConnection | None:
        """Return a connection that is kept, None where there is none."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    async def connect(self, timeouts: CallTimeouts) -> UpstreamConnection:
        """Make a connection. Raise UpstreamError, with `sent` false, when that can't be."""
        seconds = min(timeouts.connect, timeouts.head) if timeouts.head_from_start else timeouts.connect
        self._connecting += 1
        try:
            with connecting():
                return await self._connector.connect(self._new, self._origin, seconds)
        finally:
            self._connecting -= 1

    def made(self, connection: UpstreamConnection) -> None:
        """Note that a connection is there, which is of no use any more where the pool was closed meanwhile."""
        if self._closed:
            connection.transport.abort()
        self._made.add(connection)
        self.sweeper.add(connection)

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next call, as long as it may wait for one."""
        idle, seconds = self._idle, self._seconds
        if connection.calls >= self._most_calls:
            connection.close()
            return
        if len(idle) >= self._size and seconds > _SURPLUS_SECONDS:
            seconds = _SURPLUS_SECONDS
        connection.deadline = self.loop.time() + seconds
        idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """Forget a connection that is gone."""
        self.sweeper.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._made.discard(connection)

    def close(self) -> None:
        """Close every connection, in use or not."""
        self._closed = True
        for connection in self._made:
            connection.abort()

    def _new(self) -> UpstreamConnection:
        return UpstreamConnection(self, self._origin.address)
