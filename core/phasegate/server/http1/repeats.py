"""What a client says again: fields that came before, byte for byte, on the same connection."""

from __future__ import annotations

import re

from ...errors import BadRequest
from ...http.passing import Passing
from ...http.path import parse_target
from ..incoming import Head, HeadParts

# A request line that llhttp takes as it is, of a method whose requests have no body unless a field says so.
_LINE = re.compile(rb"(GET|HEAD|DELETE|OPTIONS) (/[!\"$-~]*) HTTP/1\.1")
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "DELETE", "OPTIONS")}
_LONGEST_BYTES = 2048
# A connection that carries ever other fields, as one of a proxy does, is soon taken at its word.
_MOST_TRIED = 4


class Repeats:
    """Knows the fields of one earlier request, so that the same bytes need not be parsed and judged again.

    Only a whole request counts that came alone, has no body, and after which the connection went on: then all that
    differs is the request line, and that is judged each time.
    """

    __slots__ = ("_former", "_section", "_tried", "data", "known", "passing")

    def __init__(self) -> None:
        self._section = b""
        self.known: HeadParts | None = None
        """The head of the last request that could be taken as it came before; None for none."""
        self.data = b""
        """That request, whole."""
        # Nothing is kept of a request before it has come twice: most connections carry one.
        self._former = 0
        self._tried = 0
        self.passing: Passing | None = None
        """What passes on of the fields of a request whose head is known."""

    def head(self, data: bytes, most_bytes: int) -> HeadParts | None:
        """Return the head of a request that is all of `data`, None where it must be parsed.

        Its target is one of up to `most_bytes`. What equals `data` needs not be asked for: `known` is its head.
        """
        known, section = self.known, self._section
        if known is None or not data.endswith(section):
            return None
        line = _LINE.fullmatch(data, 0, len(data) - len(section))
        if line is None or len(line[2]) > most_bytes:
            return None
        try:
            path, query, _ = parse_target(line[2])
        except BadRequest:
            return None
        # Whatever the line says, its fields have the same meaning.
        *_, fields, host, port, _ = known
        self.known = head = _METHODS[line[1]], path, query, fields, host, port, line[2].decode("ascii")
        self.data = data
        return head

    def note(self, data: bytes, head: Head) -> None:
        """Take note of a request that was parsed out of `data`, which began with it."""
        if self._tried >= _MOST_TRIED or len(data) > _LONGEST_BYTES:
            return
        end = data.find(b"\r\n")
        if _LINE.fullmatch(data, 0, end) is None or data.find(b"\r\n\r\n") != len(data) - 4:
            return
        section = data[end:]
        former, self._former = self._former, hash(section)
        if former == self._former:
            self._section, self.known, self.data = section, head[:], data
            self._tried, self.passing = 0, Passing(head.fields)
        else:
            self._tried += 1
