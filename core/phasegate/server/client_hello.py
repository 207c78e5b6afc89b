"""The name that a TLS client asks for, read from the first message of its handshake (RFC 8446 section 4.1.2)."""

from __future__ import annotations

_RECORD_HEADER_BYTES = 5
_MESSAGE_HEADER_BYTES = 4
_HANDSHAKE = 22
_CLIENT_HELLO = 1
# Where the session id stands, behind version and random.
_SESSION_ID = 34
_SERVER_NAME = 0
_HOST_NAME = 0
# RFC 8446 section 5.1 has 16384 for what a record holds; one that is longer is no plain text.
_LONGEST_RECORD_BYTES = 16_384
_LONGEST_MESSAGE_BYTES = 16_384
LONGEST_BYTES = 32_768
"""How much is looked at: a message, with a header for each record that it is spread over."""


class ClientHello:
    """What has come of a message, which may be spread over records, and records over segments.

    It judges nothing: what is no ClientHello has no name, and TLS refuses it.
    """

    __slots__ = ("_message", "_place", "name")

    def __init__(self) -> None:
        self.name: str | None = None
        """The name in lower case, None where there is none; it counts once nothing is missing."""
        self._message = bytearray()
        self._place = 0

    def read(self, data: bytes) -> int:
        """Look at everything that has come; return how many bytes there must be before more can be said, 0 for none."""
        while len(data) < LONGEST_BYTES:
            place = self._place
            if len(data) > place and data[place] != _HANDSHAKE:
                return 0
            end = place + _RECORD_HEADER_BYTES
            if len(data) < end:
                return end
            size = int.from_bytes(data[end - 2 : end], "big")
            if not 0 < size <= _LONGEST_RECORD_BYTES:
                return 0
            if len(data) < end + size:
                return min(end + size, LONGEST_BYTES)
            self._message += data[end : end + size]
            self._place = end + size
            if self._is_done():
                return 0
        return 0

    def _is_done(self) -> bool:
        """Tell whether no further record is needed, and read the name where the message is here whole."""
        message, begin = self._message, _MESSAGE_HEADER_BYTES
        if message[0] != _CLIENT_HELLO:
            return True
        if len(message) < begin:
            return False
        end = begin + int.from_bytes(message[1:begin], "big")
        if len(message) < end <= begin + _LONGEST_MESSAGE_BYTES:
            return False
        self.name = _name_in(bytes(message[begin:end]))
        return True


def _name_in(body: bytes) -> str | None:
    try:
        return _host_name(_extension(body, _SERVER_NAME))
    except IndexError:
        return None


def _extension(body: bytes, wanted: int) -> bytes:
    """Return what an extension holds, nothing where it is missing. Raise IndexError where the message breaks off."""
    place = _SESSION_ID
    place += 1 + body[place]
    place += 2 + _number(body, place)
    place += 1 + body[place]
    place += 2
    while place < len(body):
        kind, size = _number(body, place), _number(body, place + 2)
        place += 4
        if kind == wanted:
            return body[place : place + size]
        place += size
    return b""


def _host_name(names: bytes) -> str | None:
    """Return the host name in a list of server names (RFC 6066 section 3), as configuration writes it."""
    if len(names) < 5 or names[2] != _HOST_NAME:
        return None
    name = names[5 : 5 + _number(names, 3)]
    return name.decode("ascii").lower().removesuffix(".") if name.isascii() and name else None


def _number(data: bytes, place: int) -> int:
    return data[place] << 8 | data[place + 1]
