"""An origin's clock against ours, by the Date of its answer to a request that asks for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httptools

from ..diagnosis import Diagnosis

_ABOUT = "clock"
# A Date has whole seconds, and the way takes its time.
_AGREES_SECONDS = 5.0
# AWS takes signatures of the last 300 seconds, and many services tokens of the last 60.
_REFUSED_SECONDS = 240.0
_READ_BYTES = 65_536


async def compared(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, now: Callable[[], float]
) -> Diagnosis:
    """Ask and return how far apart the clocks are. Raise OSError or EOFError where nobody answers.

    `OPTIONS *` is about the server as a whole, so that it reaches no function (RFC 9110 section 9.3.7).
    """
    try:
        began = now()
        writer.write(f"OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
        date = await _date(reader)
        ours = (began + now()) / 2
    finally:
        writer.transport.abort()
    return _told(None if date is None else _seconds(date), ours)


def _told(theirs: float | None, ours: float) -> Diagnosis:
    if theirs is None:
        return Diagnosis(_ABOUT, "can't be compared: the answer has no Date", "note")
    skew = ours - theirs
    size = abs(skew)
    if size <= _AGREES_SECONDS:
        return Diagnosis(_ABOUT, "agrees with ours")
    message = f"ours is {size:.0f} s {'ahead' if skew > 0 else 'behind'}"
    remedy = "have this machine's clock set by NTP (timedatectl, chronyc tracking)"
    if size < _REFUSED_SECONDS:
        return Diagnosis(_ABOUT, message, "warning", remedy)
    return Diagnosis(_ABOUT, f"{message}: signatures and tokens are refused", "error", remedy)


def _seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5
    except ValueError:
        return None


class _Head:
    """What the parser calls back; only the Date is kept."""

    def __init__(self) -> None:
        self.date: str | None = None
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"date":
            self.date = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.complete = True


async def _date(reader: asyncio.StreamReader) -> str | None:
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    read = 0
    while not head.complete:
        block = await reader.read(_READ_BYTES)
        read += len(block)
        if not block or read > _READ_BYTES:
            raise EOFError
        try:
            parser.feed_data(block)
        except httptools.HttpParserError:
            # A body may follow that the parser does not like, or something else than HTTP.
            break
    return head.date
