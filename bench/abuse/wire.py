"""One attacking connection: what it sends is counted, what comes back is noted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self

from .answers import Answers

ADDRESS = "127.0.0.2"
"""Where attackers come from; the others come from 127.0.0.1, so that limits by address tell them apart."""
_READ_BYTES = 1 << 16


class CutOff(Exception):
    """The server has ended the connection."""


class Wire:
    """A connection to the server under attack."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Answers) -> None:
        self.answers = answers
        self.frames = 0
        """How many were sent."""
        self.cut = False
        """Whether the server has ended the connection."""
        self._reader = reader
        self._writer = writer
        self._news = asyncio.Event()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int, answers: Answers) -> AsyncIterator[Self]:
        """Connect, listen while the block runs, and close."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(ADDRESS, 0))
        wire = cls(reader, writer, answers)
        listening = asyncio.create_task(wire._listen())
        try:
            yield wire
        finally:
            listening.cancel()
            writer.transport.abort()

    async def send(self, data: bytes, frames: int = 1, *, pause_seconds: float = 0.0) -> None:
        """Send so many frames, then pause. Raise CutOff once the server has ended the connection."""
        if self.cut:
            raise CutOff
        self._writer.write(data)
        self.frames += frames
        try:
            await self._writer.drain()
        except OSError as error:
            self.cut = True
            raise CutOff from error
        await asyncio.sleep(pause_seconds)

    async def until_over(self, requests: int) -> None:
        """Wait until so many requests have their answer. Raise CutOff once the server has ended the connection."""
        while self.answers.over < requests:
            if self.cut:
                raise CutOff
            self._news.clear()
            await self._news.wait()

    async def until_cut(self) -> None:
        """Wait for the server to end the connection, then raise CutOff."""
        while not self.cut:
            self._news.clear()
            await self._news.wait()
        raise CutOff

    async def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while not self.answers.verdict and (data := await self._reader.read(_READ_BYTES)):
                self.answers.feed(data)
                self._news.set()
        self.cut = True
        self._news.set()
