"""What a server sends to an attacker, as far as it tells how the attack ended."""

from __future__ import annotations

import re
from collections import Counter
from typing import Protocol

from h2.errors import ErrorCodes
from hpack import Decoder

_DATA, _HEADERS, _RST_STREAM, _GOAWAY = 0, 1, 3, 7
_END_STREAM = 1
_HEAD_BYTES = 9
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Answers(Protocol):
    """What came so far. `streams` counts what single requests got; `verdict` is what ended the connection, if it is known."""

    streams: Counter[str]
    verdict: str

    @property
    def over(self) -> int:
        """How many requests have their answer, whole or broken off."""

    def feed(self, data: bytes) -> None:
        """Take bytes in."""


class Http1Answers:
    """The statuses that an HTTP/1.1 connection got."""

    def __init__(self) -> None:
        self.streams: Counter[str] = Counter()
        self.verdict = ""

    @property
    def over(self) -> int:
        """How many requests have their answer."""
        return self.streams.total()

    def feed(self, data: bytes) -> None:
        """Take bytes in; a status line never comes in two pieces, since it comes first in a write."""
        for status in _STATUS.findall(data):
            self.verdict = status.decode()
            self.streams[self.verdict] += 1


class Http2Answers:
    """The statuses and resets of an HTTP/2 connection's streams, and the code of its GOAWAY."""

    def __init__(self) -> None:
        self.streams: Counter[str] = Counter()
        self.verdict = ""
        self._over: set[int] = set()
        self._rest = b""
        self._decoder = Decoder()

    @property
    def over(self) -> int:
        """How many streams have ended, whole or broken off."""
        return len(self._over)

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        data = self._rest + data
        place = 0
        while len(data) - place >= _HEAD_BYTES:
            end = place + _HEAD_BYTES + int.from_bytes(data[place : place + 3], "big")
            if end > len(data):
                break
            stream = int.from_bytes(data[place + 5 : place + _HEAD_BYTES], "big")
            self._take(data[place + 3], data[place + 4], stream, data[place + _HEAD_BYTES : end])
            place = end
        self._rest = data[place:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _HEADERS:
            fields = dict(self._decoder.decode(payload, raw=True))
            self.streams[fields[b":status"].decode()] += 1
        elif kind == _RST_STREAM:
            self.streams[f"reset {_name(payload[:4])}"] += 1
        elif kind == _GOAWAY:
            self.verdict = f"GOAWAY {_name(payload[4:8])}"
        if kind == _RST_STREAM or (kind in (_HEADERS, _DATA) and flags & _END_STREAM):
            self._over.add(stream)


def _name(code: bytes) -> str:
    """Return the name of an error code, or its number where it has none (RFC 9113 section 7)."""
    number = int.from_bytes(code, "big")
    return ErrorCodes(number).name if number in set(ErrorCodes) else str(number)
