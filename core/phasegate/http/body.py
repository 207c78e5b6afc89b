"""A request's body: streamed once, or held whole in memory and, over a size, on disk."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Protocol

from ..errors import BadRequest, Overloaded, PayloadTooLarge, PhasegateError

MEMORY_LIMIT_BYTES = 1 << 20
_SMALL_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 18


class BodyConsumed(PhasegateError):
    """A body that was streamed away is asked for again: call `hold` before the first reader."""


class Memory:
    """What all bodies that are held may take together: bytes of a process's memory, and files for what is over those."""

    __slots__ = ("_limit_bytes", "_limit_files", "files", "taken")

    def __init__(self, limit_bytes: int, limit_files: int) -> None:
        self._limit_bytes = limit_bytes
        self._limit_files = limit_files
        self.taken = 0
        self.files = 0

    def take(self, size: int) -> bool:
        """Take room for so many bytes more; tell whether there was any."""
        if self.taken + size > self._limit_bytes:
            return False
        self.taken += size
        return True

    async def open(self) -> IO[bytes]:
        """Return a new file for a body. Raise Overloaded where there are as many as there may be."""
        if self.files >= self._limit_files:
            raise Overloaded(f"{self.files} bodies wait on disk already, as many as limits.body_files allows")
        self.files += 1
        try:
            return await asyncio.to_thread(_open)
        except BaseException:
            self.files -= 1
            raise


class Source(Protocol):
    """Where a body comes from that is on its way in."""

    def blocks(self) -> AsyncIterator[bytes]:
        """Return its blocks as they come; called once."""

    def here(self) -> bytes | None:
        """Return all of it where it is short and here already; `blocks` is not called then."""


class Body:
    """The body of one request.

    Iterating streams it, once. `hold` reads it whole first; then it can be read any number of times. Whatever is over
    1 MiB waits in an unnamed temporary file, so that large bodies don't fill the memory; so does what is over 64 KiB where
    the other bodies have taken all the memory that there is for them.
    """

    __slots__ = ("_data", "_file", "_inbound", "_memory", "_source", "_taken", "length")

    def __init__(self, data: bytes = b"") -> None:
        self._data: bytes | None = data
        self._file: IO[bytes] | None = None
        self._source: AsyncIterator[bytes] | None = None
        self._inbound: Source | None = None
        self._memory: Memory | None = None
        self._taken = 0
        self.length: int | None = len(data)

    @classmethod
    def streaming(cls, source: AsyncIterator[bytes], length: int | None, memory: Memory | None = None) -> Body:
        """Return a body that `source` delivers; `length` in bytes where the sender declared one.

        Once it is held it shares `memory` with others until it is closed.
        """
        body = cls()
        body._data, body._source, body.length, body._memory = None, source, length, memory
        return body

    @classmethod
    def incoming(cls, inbound: Source, length: int | None, memory: Memory | None = None) -> Body:
        """Return a body that comes in by a connection, as `streaming` does; a short one that is here already is held at once."""
        body = cls()
        body._data, body._inbound, body.length, body._memory = None, inbound, length, memory
        return body

    @property
    def held(self) -> bool:
        """Whether the body is here whole."""
        return self.data is not None or self._file is not None

    @property
    def data(self) -> bytes | None:
        """The body where it is in memory whole, None for one that streams or waits on disk."""
        if self._data is None and self._inbound is not None:
            self._take_what_is_here(self._inbound)
        return self._data

    async def hold(self, limit_bytes: int) -> Body:
        """Read the whole body in and return it. Raise PayloadTooLarge when it is longer than `limit_bytes`.

        Raise Overloaded where it would have to wait on disk and too many others do.
        """
        held = self.held
        if self.length is not None and self.length > limit_bytes:
            raise PayloadTooLarge(f"body of {self.length} bytes is over the limit of {limit_bytes}")
        if not held:
            await self._collect(limit_bytes)
        return self

    def limit(self, limit_bytes: int) -> None:
        """Refuse more than so many bytes, whoever reads the body. Raise PayloadTooLarge where it is known to be longer.

        A body without a declared length is counted on its way, and ends in PayloadTooLarge once it is longer.
        """
        if self.data is None and self.length is None and not self.held:
            self._source = _limited(self._take_source(), limit_bytes)
        elif self.length is not None and self.length > limit_bytes:
            raise PayloadTooLarge(f"body of {self.length} bytes is over the limit of {limit_bytes}")

    async def read(self, limit_bytes: int) -> bytes:
        """Return the whole body. Raise PayloadTooLarge when it is longer than `limit_bytes`."""
        await self.hold(limit_bytes)
        return self._data if self._data is not None else b"".join([block async for block in self])

    async def sha256(self) -> str:
        """Return the SHA-256 of a held body in hexadecimal digits."""
        if self._data is not None:
            return hashlib.sha256(self._data).hexdigest()
        digest = hashlib.sha256()
        async for block in self:
            digest.update(block)
        return digest.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._data is not None:
            if self._data:
                yield self._data
        elif self._file is not None:
            async for block in _blocks(self._file):
                yield block
        else:
            async for block in self._counted(self._take_source()):
                yield block

    async def settle(self) -> None:
        """Wait until it is known whether there is a body at all, where the sender declared no length."""
        if self.length is not None or self.held or (self._source is None and self._inbound is None):
            return
        source = self._take_source()
        first = await anext(source, None)
        if first is None:
            self._data, self.length = b"", 0
        else:
            self._source = _chained(first, source)

    def close(self) -> None:
        """Give back its part of the memory and the temporary file, as far as there is any."""
        if self._taken:
            self._give_back()
        if self._file is not None and not self._file.closed:
            self._file.close()
            if self._memory is not None:
                self._memory.files -= 1

    def _take_what_is_here(self, inbound: Source) -> None:
        data = inbound.here()
        if data is not None and self.length in (None, len(data)):
            self._data, self._inbound, self.length = data, None, len(data)
        elif data is not None:
            self._inbound, self._source = None, _only(data)

    def _take_source(self) -> AsyncIterator[bytes]:
        if self._inbound is not None:
            self._source, self._inbound = self._inbound.blocks(), None
        if self._source is None:
            raise BodyConsumed("the request body was streamed already: call hold() before the first reader")
        source, self._source = self._source, None
        return source

    async def _counted(self, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the blocks, and raise where they are more or fewer than was declared.

        Another reader could take the difference for a request of its own (RFC 9112 section 11.2).
        """
        left = self.length
        async for block in source:
            if left is not None:
                left -= len(block)
                if left < 0:
                    raise BadRequest("the body is longer than its Content-Length")
            yield block
        if left:
            raise BadRequest(f"the body ends {left} bytes before its Content-Length")

    async def _collect(self, limit_bytes: int) -> None:
        waiting: bytes | bytearray = b""
        size = 0
        async for block in self._counted(self._take_source()):
            size += len(block)
            if size > limit_bytes:
                raise PayloadTooLarge(f"body is over the limit of {limit_bytes} bytes")
            if waiting and isinstance(waiting, bytes):
                # Only from the second block on: most bodies have one, which is not copied.
                waiting = bytearray(waiting)
            waiting += block
            if len(waiting) > _SMALL_BYTES and not self._may_wait(len(waiting)):
                await self._spool(waiting)
                waiting = b""
        if self._file is None:
            self._data = bytes(waiting)
        else:
            await self._spool(waiting)
        self.length = size

    def _may_wait(self, size: int) -> bool:
        """Tell whether so many bytes may wait in memory, and take the room for them."""
        if size > MEMORY_LIMIT_BYTES:
            return False
        if self._memory is not None:
            if not self._memory.take(size - self._taken):
                return False
            self._taken = size
        return True

    async def _spool(self, data: bytes | bytearray) -> None:
        file = self._file
        if file is None:
            file = self._file = await (asyncio.to_thread(_open) if self._memory is None else self._memory.open())
        await asyncio.to_thread(file.write, data)
        self._give_back()

    def _give_back(self) -> None:
        if self._memory is not None:
            self._memory.taken -= self._taken
            self._taken = 0


NOTHING = Body()
"""The body of a request that has none. There is nothing in it to be read, kept or changed, so that all such share it."""


async def _limited(source: AsyncIterator[bytes], limit_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for block in source:
        size += len(block)
        if size > limit_bytes:
            raise PayloadTooLarge(f"body is over the limit of {limit_bytes} bytes")
        yield block


async def _only(block: bytes) -> AsyncIterator[bytes]:
    yield block


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    offset = 0
    while block := await asyncio.to_thread(_read_at, file, offset):
        offset += len(block)
        yield block


def _open() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="phasegate-body-")


def _read_at(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.read(_BLOCK_BYTES)
