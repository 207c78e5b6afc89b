"""One worker slot: a process that is started, listened to, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from .channel import Answered, Channel, Message, Prepare, Serve, Start, Stop

_logger = logging.getLogger(__name__)

_QUICK_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 30.0
# For glibc: what requests took and gave back is kept, up to 16 MiB. Else the kernel takes each page, and clears it again for
# the next request: a page fault for every one. What is larger than 1 MiB is given back at once.
_ALLOCATION = {"MALLOC_TRIM_THRESHOLD_": str(16 << 20), "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}


class SlotOwner(Protocol):
    """Who runs the slots: says how a worker begins, and hears from it."""

    def descriptors(self, slot: Slot) -> list[int]:
        """Return what a new worker inherits: its sockets."""

    def begin(self, slot: Slot) -> Start:
        """Return a new worker's first message."""

    def deliver(self, slot: Slot, message: Message) -> None:
        """Take a message of the slot's worker."""

    def died(self, slot: Slot, exit_code: int) -> None:
        """Note that the worker ended, unasked unless the slot is leaving."""

    def suspend(self, slot: Slot) -> None:
        """Close the slot's sockets: no worker will be in it for a while."""


class Slot:
    """A place for one worker. `run` keeps it filled until the slot is retired.

    While it is `on_trial` its worker is to take another's place, and one that dies is not replaced.
    """

    def __init__(self, index: int, loop_name: str, owner: SlotOwner, *, on_trial: bool = False) -> None:
        self.index = index
        self.ready = False
        self.on_trial = on_trial
        self.settled = asyncio.Event()
        """Set once the first worker takes requests, or is dead."""
        self.generation = 0
        """Which state the worker serves."""
        self.failures = 0
        """How many workers ended since one last was let in."""
        self._loop_name = loop_name
        self._owner = owner
        self._process: asyncio.subprocess.Process | None = None
        self._launched: socket.socket | None = None
        """Our end of the line to a process that was not told yet what to serve."""
        self._channel: Channel | None = None
        self._retired = asyncio.Event()
        self._woken = asyncio.Event()
        self._quick_deaths = 0

    async def launch(self) -> None:
        """Start the first worker's process before `run` does: it loads what workers are made of meanwhile."""
        with contextlib.suppress(OSError):
            self._launched = await self._launch()

    async def run(self) -> None:
        """Start a worker, and another one whenever it dies. The first is replaced at once, then ever more slowly."""
        while not self._retired.is_set():
            began = time.monotonic()
            code = await self._try_one_life()
            self.failures += 1
            self.settled.set()
            self._owner.died(self, code)
            if self._retired.is_set() or self.on_trial:
                return
            quick = time.monotonic() - began < _QUICK_SECONDS
            self._quick_deaths = self._quick_deaths + 1 if quick else 0
            pause = self._pause()
            fields = {"slot": self.index, "exit_code": code, "respawn_seconds": pause}
            _logger.error("worker died", extra=fields)
            if pause:
                self._owner.suspend(self)
                self._woken.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), pause)

    def send(self, message: Message) -> None:
        """Send a message to the worker; with none alive it is dropped."""
        if self._channel is not None:
            self._channel.send(message)

    async def tell(self, message: Prepare) -> None:
        """Send a message that may be large to the worker that lives now; with none alive it is dropped."""
        if self._channel is not None:
            await self._channel.tell(message)

    def line(self) -> Callable[[Answered], Awaitable[None]]:
        """Return what answers the worker that lives now, and none that comes after it."""
        return _to_nobody if self._channel is None else self._channel.tell

    def admit(self) -> None:
        """Let the worker take requests."""
        self.ready = True
        self.failures = 0
        self.settled.set()
        self.send(Serve())

    @property
    def is_failing(self) -> bool:
        """Whether new workers end before they are let in. The one that serves may have ended by chance, once."""
        return self.failures > 1

    @property
    def lives(self) -> bool:
        """Whether there is a worker to talk to."""
        return self._channel is not None

    @property
    def is_leaving(self) -> bool:
        """Whether the worker only finishes what it has."""
        return self._retired.is_set()

    def retire(self) -> None:
        """Let the worker finish what is in flight and end, and start no other after it."""
        self._retired.set()
        self._woken.set()
        self.send(Stop())

    def restart(self) -> None:
        """End the worker at once, so that another one takes its place."""
        self.ready = False
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def kill(self) -> None:
        """End the worker at once, and for good."""
        self._retired.set()
        self._woken.set()
        self.restart()

    async def discard(self) -> None:
        """End the process that was launched, if `run` never took it."""
        if self._launched is not None and self._process is not None:
            self._launched.close()
            self._launched = None
            self.kill()
            await self._process.wait()

    def begin_anew(self) -> None:
        """End the worker, or the pause before the next one, at once: what workers begin with is something else now."""
        self.failures = self._quick_deaths = 0
        self._woken.set()
        self.restart()

    async def _try_one_life(self) -> int:
        """See one worker through and return its exit code. One that can't be started counts as one that died quickly."""
        try:
            return await self._one_life()
        except OSError as error:
            _logger.warning("worker can't be started", extra={"slot": self.index, "cause": str(error)})
            return os.EX_OSERR

    async def _one_life(self) -> int:
        ours, self._launched = self._launched or await self._launch(), None
        self._channel = channel = await Channel.over(ours)
        channel.send(self._owner.begin(self))
        if self._retired.is_set():
            channel.send(Stop())
        try:
            await self._listen(channel)
            return await self._process.wait() if self._process else os.EX_OSERR
        finally:
            self.ready = False
            self._channel = None
            channel.close()

    async def _launch(self) -> socket.socket:
        """Start a process; return our end of the line to it."""
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as stack:
            stack.callback(ours.close)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "phasegate.server.worker", str(theirs.fileno()), self._loop_name),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *self._owner.descriptors(self)),
                process_group=0,
                env={**_ALLOCATION, **os.environ, "PYTHONUNBUFFERED": "1"},
            )
            stack.pop_all()
        return ours

    async def _listen(self, channel: Channel) -> None:
        while (message := await channel.receive()) is not None:
            self._owner.deliver(self, message)

    def _pause(self) -> float:
        if self._quick_deaths < 2:
            return 0.0
        return min(_LONGEST_PAUSE_SECONDS, 0.5 * 2.0 ** (self._quick_deaths - 2))


async def _to_nobody(message: Answered) -> None:
    """Drop an answer."""
