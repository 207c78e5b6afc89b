"""The line between the supervisor and one worker: whole messages over a socket pair that only the two hold."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from dataclasses import dataclass, field

from ..admin.desk import Proposal
from ..errors import Finding, PhasegateError
from ..settings import Settings
from ..snapshot.garbage import undisturbed
from ..store.records import Revision, Summary
from .state import Difference, State

_LENGTH = struct.Struct("!Q")
_LARGE_BYTES = 65_536
_MANY_CHANGES = 50
_UNDISTURBED_SECONDS = 5.0

Answer = Revision | list[Revision] | list[Summary] | bytes | None


@dataclass(frozen=True, slots=True)
class Start:
    """To the worker: begin.

    `listeners` are descriptors in the order of `settings.listen`, `admin` is the admin address's, None where it shares one.
    """

    settings: Settings
    slot: int
    listeners: tuple[int, ...]
    admin: int | None
    state: State
    explain_key: bytes = field(repr=False)
    """What tokens for explanations are sealed with, the same in all workers."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """To the worker: build and open a snapshot of what is to be served as this generation, and keep it off to the side.

    The difference is from the generation that the worker serves, or from an empty state where `whole`.
    """

    generation: int
    difference: Difference
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """To the worker: answer by the snapshot that was prepared."""

    generation: int


@dataclass(frozen=True, slots=True)
class Abort:
    """To the worker: forget the snapshot that was prepared."""

    generation: int


@dataclass(frozen=True, slots=True)
class Answered:
    """To the worker: what became of something that it asked, or why nothing did."""

    ticket: int
    answer: Answer | PhasegateError


@dataclass(frozen=True, slots=True)
class Serve:
    """To the worker: take requests, for what it has built is what the others serve."""


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: finish what is in flight, then end. Until then changes reach it as they reach the others."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: it has built what it started with, and waits to be let in. Connections are queued from now on."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """From the worker: the snapshot of this generation waits for its commit."""

    generation: int


@dataclass(frozen=True, slots=True)
class Committed:
    """From the worker: it serves this generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class Refused:
    """From the worker: it can't be served, and why. Generation 0 is the one it should have started with."""

    generation: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Propose:
    """From the worker: somebody wants to change the configuration."""

    ticket: int
    proposal: Proposal
    everywhere: bool


@dataclass(frozen=True, slots=True)
class AskRevisions:
    """From the worker: somebody wants to see the newest revisions, those under `before` alone."""

    ticket: int
    before: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class AskRevision:
    """From the worker: somebody wants to see one revision, packed as it is kept."""

    ticket: int
    number: int


@dataclass(frozen=True, slots=True)
class AskSummaries:
    """From the worker: somebody wants the list of the newest revisions, those under `before` alone."""

    ticket: int
    before: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class AskExplanation:
    """From the worker: somebody wants to see what happened to a request, whichever worker answered it."""

    ticket: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Explained:
    """From the worker: what happened to a request that asked to be explained, as JSON."""

    request_id: str
    explanation: bytes


Question = Propose | AskRevision | AskRevisions | AskSummaries | AskExplanation
ToWorker = Start | Prepare | Commit | Abort | Serve | Stop | Answered
Message = ToWorker | Ready | Prepared | Committed | Refused | Explained | Question


class Channel:
    """One end of the line. A message is a pickle: both ends are this program, and nobody else holds the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Channel:
        """Return the channel over one end of a socket pair."""
        return cls(*await asyncio.open_connection(sock=sock))

    def send(self, message: Message) -> None:
        """Send a message; one to a peer that is gone is dropped."""
        self._write(pickle.dumps(message))

    async def tell(self, message: Message) -> None:
        """Send a message, packed in a thread where it is so much that the event loop would stand still."""
        self._write(await asyncio.to_thread(pickle.dumps, message) if _is_large(message) else pickle.dumps(message))

    async def receive(self) -> Message | None:
        """Return the next message, None once the peer is gone."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            data = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if length <= _LARGE_BYTES:
            return _unpacked(data)
        with undisturbed(_UNDISTURBED_SECONDS):
            return await asyncio.to_thread(_unpacked, data)

    def close(self) -> None:
        """Close this end, which the peer sees."""
        self._writer.close()

    def _write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(_LENGTH.pack(len(data)) + data)


def _unpacked(data: bytes) -> Message:
    message: Message = pickle.loads(data)  # noqa: S301 (see `Channel`)
    return message


def _is_large(message: Message) -> bool:
    match message:
        case Propose():
            size = len(message.proposal.writes)
        case Prepare():
            listed = (len(items) for items in (message.difference.document or {}).values() if isinstance(items, list))
            size = len(message.difference.records) + sum(listed)
        case Answered():
            revisions = message.answer if isinstance(message.answer, list) else [message.answer]
            size = sum(len(item.changes) for item in revisions if isinstance(item, Revision))
        case _:
            return False
    return size > _MANY_CHANGES
