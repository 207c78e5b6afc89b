"""The line between the supervisor and one worker: whole messages over a socket pair that only the two hold."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from ..errors import Finding
from ..settings import Settings

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Start:
    """To the worker: begin.

    `listeners` are descriptors in the order of `settings.listen`, `admin` is the admin address's, None where it shares one.
    """

    settings: Settings
    slot: int
    listeners: tuple[int, ...]
    admin: int | None
    document: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepare:
    """To the worker: build and open a snapshot of this document, and keep it off to the side."""

    revision: int
    document: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """To the worker: answer by the snapshot that was prepared."""

    revision: int


@dataclass(frozen=True, slots=True)
class Abort:
    """To the worker: forget the snapshot that was prepared."""

    revision: int


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: finish what is in flight, then end."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: it serves."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """From the worker: the snapshot of this revision waits for its commit."""

    revision: int


@dataclass(frozen=True, slots=True)
class Refused:
    """From the worker: the document can't be served, and why. Revision 0 is the one it should have started with."""

    revision: int
    findings: tuple[Finding, ...]


Message = Start | Prepare | Commit | Abort | Stop | Ready | Prepared | Refused


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
        data = pickle.dumps(message)
        if not self._writer.is_closing():
            self._writer.write(_LENGTH.pack(len(data)) + data)

    async def receive(self) -> Message | None:
        """Return the next message, None once the peer is gone."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            message: Message = pickle.loads(await self._reader.readexactly(length))  # noqa: S301 (see above)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return message

    def close(self) -> None:
        """Close this end, which the peer sees."""
        self._writer.close()
