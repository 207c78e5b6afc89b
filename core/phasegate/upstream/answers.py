"""What comes back from an upstream: an answer whose body is here whole or still streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from ..errors import ResponseCut
from ..http.headers import Headers, RawHeaders
from ..http.message import Response


class Source(Protocol):
    """The connection that an answer's body comes over."""

    async def block(self, seconds: float) -> bytes:
        """Return the next part of the body, empty at its end. Raise UpstreamTimeout when it takes longer than that."""

    def give_up(self) -> None:
        """Close the connection, unless the answer has been read whole."""


_new = object.__new__


class Answer(Response):
    """An upstream's response. Whoever made the call closes it: `exchange.defer(answer.close)`."""

    __slots__ = ("_streaming", "streams")

    def __init__(self, status: int, fields: RawHeaders, body: bytes, streaming: AnswerBody | None = None) -> None:
        self.status = status
        self.headers = Headers.from_raw(fields)
        self._body = body if streaming is None else streaming
        self._streaming = streaming
        self.streams = streaming is not None
        """Whether the body was not here whole with the head, so that there is something to close."""

    @classmethod
    def of(cls, status: int, fields: RawHeaders, body: bytes) -> Answer:
        """Return an answer that is here whole. Most are, and this is faster than to call the class."""
        answer = _new(cls)
        answer.status = status
        answer.headers = headers = _new(Headers)
        headers.raw = fields
        answer._body = body  # noqa: SLF001 (its own)
        answer._streaming = None  # noqa: SLF001 (its own)
        answer.streams = False
        return answer

    def close(self) -> None:
        """Give up the connection, unless the body was read whole and it is back with the others already."""
        if self._streaming is not None:
            self._streaming.close()


class AnswerBody:
    """The body of an answer that streams. The clock runs while the upstream is waited for, and stands while the reader works.

    It lets go of its connection at its end: that may carry somebody else's call from then on.
    """

    __slots__ = ("_gap", "_source", "_whole")

    def __init__(self, source: Source, gap: float, whole: float | None) -> None:
        self._source: Source | None = source
        self._gap = gap
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        gap, left = self._gap, self._whole
        loop = asyncio.get_running_loop()
        while self._source is not None:
            began = loop.time()
            block = await self._source.block(gap if left is None else min(gap, left))
            if not block:
                self._source = None
                return
            if left is not None:
                left -= loop.time() - began
            yield block

    def close(self) -> None:
        """Give up the connection, unless the body was read whole."""
        if self._source is not None:
            self._source.give_up()


async def whole(answer: Answer, limit_bytes: int) -> bytes:
    """Return the answer's body. Raise ResponseCut when it is longer than that."""
    blocks: list[bytes] = []
    size = 0
    async for block in answer.stream():
        blocks.append(block)
        size += len(block)
        if size > limit_bytes:
            raise ResponseCut(f"the answer is over {limit_bytes} bytes")
    return b"".join(blocks)
