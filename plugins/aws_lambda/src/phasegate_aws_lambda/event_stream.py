"""AWS's binary framing of event streams: bytes into messages, both checksums checked.

Source: "Event stream encoding" (Amazon Transcribe developer guide; the Lambda API uses the same): lengths of the message and
of its headers, a CRC-32 of these, headers, payload, and a CRC-32 of all before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
_SHORT = struct.Struct("!H")
_SMALLEST_BYTES = _PRELUDE.size + _CRC.size
# What AWS's own decoders take at most.
_LARGEST_BYTES = 24 << 20
_HEADERS_LIMIT_BYTES = 128 << 10
_TEXT, _BINARY = 7, 6
# The bytes that the other types of values have: true, false, byte, short, integer, long, time, UUID.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class BrokenStream(ValueError):
    """The bytes are no event stream, or were changed on the way."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: those of its headers that are text, and its payload."""

    headers: dict[str, str]
    payload: bytes = field(repr=False)

    @property
    def event(self) -> str:
        """What kind of event it is; of an exception its own name."""
        return self.headers.get(":event-type") or self.headers.get(":exception-type") or ""

    @property
    def is_event(self) -> bool:
        """Whether it is an event, and not an error of the stream."""
        return self.headers.get(":message-type") == "event"


class Decoder:
    """Takes bytes however they are cut, and gives whole messages."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    @property
    def empty(self) -> bool:
        """Whether nothing of a message is left over."""
        return not self._waiting

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that are complete with these bytes. Raise BrokenStream."""
        self._waiting += data
        while (size := self._size()) is not None and len(self._waiting) >= size:
            message = bytes(self._waiting[:size])
            del self._waiting[:size]
            yield _message(message)

    def _size(self) -> int | None:
        """Return the size of the message that begins here, None while its prelude is not here."""
        if len(self._waiting) < _PRELUDE.size:
            return None
        size, headers_size, checksum = _PRELUDE.unpack_from(self._waiting)
        if crc32(self._waiting[: _PRELUDE.size - _CRC.size]) != checksum:
            raise BrokenStream("the checksum of a message's prelude does not match")
        if not _SMALLEST_BYTES + headers_size <= size <= _LARGEST_BYTES or headers_size > _HEADERS_LIMIT_BYTES:
            raise BrokenStream(f"a message of {size} bytes with headers of {headers_size}")
        return int(size)


def _message(data: bytes) -> Message:
    if crc32(data[: -_CRC.size]) != _CRC.unpack_from(data, len(data) - _CRC.size)[0]:
        raise BrokenStream("the checksum of a message does not match")
    begin = _PRELUDE.size + _PRELUDE.unpack_from(data)[1]
    try:
        headers = dict(_headers(data[_PRELUDE.size : begin]))
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise BrokenStream(f"the headers of a message can't be read: {error}") from error
    return Message(headers, data[begin : -_CRC.size])


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the headers that are text; those of other types are passed over."""
    place = 0
    while place < len(data):
        begin = place + 1
        place = begin + data[place]
        name, kind = data[begin:place].decode(), data[place]
        place += 1
        if kind in (_TEXT, _BINARY):
            (size,) = _SHORT.unpack_from(data, place)
            place += _SHORT.size
        else:
            size = _FIXED[kind]
        value = data[place : place + size]
        if len(value) < size:
            raise IndexError("a value ends too early")
        place += size
        if kind == _TEXT:
            yield name, value.decode()
