"""What every connection has in common, whichever protocol it speaks: writing, back-pressure, an end."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from typing import TYPE_CHECKING

from ..http.client_rule import ClientRule
from .incoming import Way

if TYPE_CHECKING:
    from .listener import Listener

NEVER = float("inf")
EVERY_SWEEP = 0.0

# How long a TLS client that has everything may take to close from its side.
FAREWELL_SECONDS = 5.0
# What waits for the turn's end to be sent, beside what came first; more is sent before.
_GATHERED_BYTES = 65_536


class Connection(asyncio.Protocol):
    """One client's connection.

    A subclass reads what comes in `data_received`, says in `deadline` when it wants to be looked at, and in `overdue`
    ends what takes too long.
    """

    __slots__ = (
        "__weakref__",
        "_blocks",
        "_drained",
        "_moved",
        "_size",
        "_stalled",
        "_taken",
        "_untaken",
        "_watched_since",
        "address",
        "client_rule",
        "closed",
        "deadline",
        "listener",
        "loop",
        "old_at",
        "opened",
        "transport",
    )

    def __init__(self, listener: Listener, transport: asyncio.Transport, address: str) -> None:
        self.listener = listener
        self.transport = transport
        self.address = address
        self.client_rule: ClientRule | None = None
        """What the client has proven by a certificate."""
        self.loop = listener.loop
        age = listener.limits.connection_age
        self.opened = self.loop.time()
        self.old_at = self.opened + age if age > 0 else NEVER
        """When it is to be given up once it has nothing to do, by the loop's clock."""
        self.deadline = NEVER
        self.closed = False
        """Whether the client is gone."""
        self._blocks: list[bytes] = []
        self._size = 0
        self._stalled = False
        # Of a client that is behind: since when it is watched, bytes it has yet to take, those it took since, and when it
        # took the last of them.
        self._watched_since: float | None = None
        self._untaken = self._taken = 0
        self._moved = 0.0
        self._drained: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}>"

    def way(self, http_version: str) -> Way:
        """Return how requests come in by this connection."""
        listener = self.listener
        return Way(listener.scheme, http_version, self.address, listener.port, self.client_rule)

    def write(self, data: bytes) -> None:
        """Send bytes behind those that wait, unless the client is gone. `stalled` tells at once whether it takes them."""
        if self._blocks:
            self._blocks.append(data)
            self.flush()
        elif not self.closed and not self.transport.is_closing():
            self.transport.write(data)

    def write_soon(self, data: bytes) -> None:
        """Send bytes at the end of this turn of the loop, together with what follows them and with others' bytes."""
        blocks = self._blocks
        if not blocks:
            blocks.append(data)
            self.listener.outbox.add(self)
            return
        blocks.append(data)
        self._size += len(data)
        if self._size >= _GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        blocks = self._blocks
        if not blocks:
            return
        data = blocks.pop()
        if blocks:
            blocks.append(data)
            data = b"".join(blocks)
            self._blocks, self._size = [], 0
        transport = self.transport
        if not self.closed and not transport.is_closing():
            transport.write(data)

    @property
    def stalled(self) -> bool:
        """Whether the client takes less than it is sent, so that writers must wait for `drained`."""
        return self._stalled

    async def drained(self) -> None:
        """Wait until the client has taken what it was sent."""
        while self._stalled:
            if self._drained is None:
                self._drained = self.loop.create_future()
            await asyncio.shield(self._drained)

    def pause_writing(self) -> None:
        """Note that the client is behind, and begin to watch whether it goes on taking; asyncio calls this."""
        self._stalled = True
        self._watch(self.loop.time())

    def resume_writing(self) -> None:
        """Note that the client has caught up; asyncio calls this."""
        self._stalled = False
        self._watched_since = None
        self._wake_writers()

    def stalls_too_long(self, now: float) -> bool:
        """Tell whether a client that is behind takes too little."""
        return self._stalled and self._takes_too_little(now)

    def close_patiently(self, now: float) -> None:
        """Close what has been sent its last bytes, once the client has them; cut it where it takes too little.

        Over TLS it is cut, too, where it has everything and does not close from its side.
        """
        if self._watched_since is None:
            self._watch(now)
        self.deadline = EVERY_SWEEP
        if self._takes_too_little(now):
            self.abort()
        elif not self.not_taken():
            if not self.transport.is_closing():
                self.transport.close()
            elif now - self._moved >= FAREWELL_SECONDS:
                self.abort()

    def not_taken(self) -> int:
        """Return how many bytes wait here and in the kernel, which lets go of its own by the megabyte."""
        self.flush()
        try:
            queued = fcntl.ioctl(self.socket().fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # the latter for a socket that is closed
            return 0
        return self.transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def socket(self) -> socket.socket:
        """Return what lies below the transport."""
        found: socket.socket = self.transport.get_extra_info("socket")
        return found

    def is_old(self, now: float) -> bool:
        """Tell whether the connection is to be given up once it has nothing to do."""
        return now >= self.old_at or self.listener.roster.draining

    def abort(self) -> None:
        """Close at once; what was not taken is lost."""
        self.transport.abort()

    def lost(self) -> None:
        """Note that the connection is gone; every subclass's `connection_lost` begins with this."""
        self.closed = True
        self._stalled = False
        self._wake_writers()
        self.listener.roster.remove(self)

    def _watch(self, now: float) -> None:
        """Begin to look whether the client goes on taking what it was sent."""
        self._watched_since = self._moved = now
        self._untaken, self._taken = self.not_taken(), 0

    def _takes_too_little(self, now: float) -> bool:
        """Tell whether a client that is watched has taken nothing for longer than it may, or takes too little on average."""
        since, limits = self._watched_since or now, self.listener.limits
        untaken = self.not_taken()
        if untaken < self._untaken:
            self._taken += self._untaken - untaken
            self._moved = now
        self._untaken = untaken
        excess = now - since - limits.write_timeout
        return now - self._moved >= limits.write_timeout or self._taken < limits.body_rate * excess

    def _wake_writers(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def overdue(self, now: float) -> None:
        """Look what takes too long, and end it."""
        raise NotImplementedError

    def drain(self, deadline: float) -> None:
        """Take no more than what is under way; one that has nothing under way closes at `deadline`."""
        raise NotImplementedError
