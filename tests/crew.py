"""Slots whose workers do what they are told at once, or refuse to, for tests of what tells them."""

import asyncio
from typing import cast

from phasegate import Finding
from phasegate.server.channel import Abort, Commit, Committed, Message, Prepare, Prepared, Ready, Refused
from phasegate.server.distribution import Distribution
from phasegate.server.replacement import Lives
from phasegate.server.slot import Slot
from phasegate.server.state import State, applied


class Obedient:
    """A slot with a worker that keeps states as a real one does, and no sockets or snapshots."""

    def __init__(self, index: int, distribution: Distribution) -> None:
        self.index = index
        self.ready = True
        self.is_leaving = False
        self.lives = True
        self.is_failing = False
        self.restarts = 0
        self.generation = 0
        self.state = State()
        self.refuses: Finding | None = None
        self.is_mute = False
        self.aborted: list[int] = []
        self._distribution = distribution
        self._candidates: dict[int, State] = {}

    def start(self) -> None:
        """Begin a new life that serves what is served now, and has not got so far as to say so."""
        self.ready = False
        self.state = self._distribution.begin(cast("Slot", self))

    def has_started(self) -> None:
        self._distribution.deliver(cast("Slot", self), Ready())

    def admit(self) -> None:
        self.ready = True

    def restart(self) -> None:
        self.ready = False
        self.restarts += 1

    def begin_anew(self) -> None:
        self.restart()

    def send(self, message: Message) -> None:
        asyncio.get_running_loop().call_soon(self._obey, message)

    async def tell(self, message: Message) -> None:
        self.send(message)

    def _obey(self, message: Message) -> None:
        match message:
            case Prepare():
                base = State() if message.whole else self.state
                self._candidates[message.generation] = applied(base, message.difference)
                refused = self.refuses
                self._say(
                    Refused(message.generation, (refused,)) if refused is not None else Prepared(message.generation)
                )
            case Commit():
                self.state = self._candidates.pop(message.generation)
                self._say(Committed(message.generation))
            case Abort():
                self._candidates.pop(message.generation, None)
                self.aborted.append(message.generation)

    def _say(self, message: Prepared | Committed | Refused) -> None:
        if not self.is_mute:
            self._distribution.deliver(cast("Slot", self), message)


def crew(count: int, state: State | None = None) -> tuple[Distribution, list[Obedient]]:
    """Return workers and the distribution that tells them; all serve `state`."""
    lives = Lives()
    distribution = Distribution(lives)
    workers = [Obedient(index, distribution) for index in range(count)]
    lives.slots = cast("list[Slot]", workers)
    if state is not None:
        distribution.state = state
        for worker in workers:
            worker.state = state
    return distribution, workers
