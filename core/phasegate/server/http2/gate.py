"""What stands before h2: bytes cut into frames, each weighed before anything is done for it.

Every frame costs us more than its sender, so that those which carry nothing are counted (CVE-2019-9511 to 9518,
CVE-2023-44487, CVE-2024-27316 and their kin).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import NamedTuple

from h2.errors import ErrorCodes

from ...limits import Limits

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with (RFC 9113 section 3.4)."""
LARGEST_FRAME_BYTES = 16_384
FRAME_HEAD = Struct(">HBBBL")
"""Length, in two parts, kind, flags and stream of a frame (RFC 9113 section 4.1)."""
FRAME_HEAD_BYTES = 9
PRIORITY_BYTES = 5
_WINDOW_SECONDS = 10.0
# A frame that carries less than this of a body carries nothing, unless it is the last.
_SMALLEST_DATA_BYTES = 16
_MOST_CREDIT = 10_000


class ConnectionFault(Exception):
    """The connection must end, with this code (RFC 9113 section 5.4.1)."""

    def __init__(self, code: ErrorCodes, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Frame(NamedTuple):
    """One frame, whole, with what its head says (RFC 9113 section 4.1)."""

    kind: int
    flags: int
    stream: int
    data: bytes
    """Head and payload."""


class Gate:
    """Cuts what comes into frames, and raises ConnectionFault over the limits."""

    __slots__ = (
        "_block_bytes",
        "_block_limit",
        "_clock",
        "_control",
        "_credit",
        "_greeted",
        "_limits",
        "_preface",
        "_resets",
        "_rest",
        "_since",
        "mid_block",
        "unfinished_since",
    )

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.mid_block = False
        """Whether a header block has begun and not ended."""
        self.unfinished_since: float | None = None
        """When what has begun and not ended did begin: a frame, a header block, or the preface."""
        self._limits = limits
        self._clock = clock
        self._rest = b""
        self._preface = PREFACE
        self._greeted = False
        self._block_bytes = 0
        self._block_limit = 2 * limits.head_bytes + LARGEST_FRAME_BYTES
        self._control = self._resets = 0
        self._since = clock()
        self._credit = 0

    def frames(self, data: bytes) -> Iterator[Frame]:
        """Yield every frame that is whole with these bytes."""
        data = self._rest + data if self._rest else data
        if self._preface:
            data = self._after_preface(data)
        place, end, whole = 0, len(data), False
        while end - place >= FRAME_HEAD_BYTES:
            high, low, kind, flags, stream = FRAME_HEAD.unpack_from(data, place)
            size = high << 8 | low
            if size > LARGEST_FRAME_BYTES:
                raise ConnectionFault(ErrorCodes.FRAME_SIZE_ERROR, f"a frame of {size} bytes")
            after = place + FRAME_HEAD_BYTES + size
            if after > end:
                break
            frame = Frame(kind, flags, stream & 0x7FFFFFFF, data[place:after])
            place = after
            self._weigh(frame, size)
            whole = whole or not self.mid_block
            yield frame
        self._rest = data[place:]
        if not (self._rest or self.mid_block or self._preface):
            self.unfinished_since = None
        elif whole or self.unfinished_since is None:
            self.unfinished_since = self._clock()

    def credit(self, frames: int = 1) -> None:
        """Note frames that were sent and may be answered, by WINDOW_UPDATE or an acknowledgement."""
        self._credit = min(_MOST_CREDIT, self._credit + frames)

    def count_reset(self) -> None:
        """Count a request that its client has reset before it was answered, or has made us reset (CVE-2025-8671)."""
        self._resets += 1
        if 0 < self._limits.resets < self._resets and not self._new_window():
            raise ConnectionFault(ErrorCodes.ENHANCE_YOUR_CALM, "too many requests were reset")

    def count_control(self) -> None:
        """Count a frame that carries nothing."""
        self._control += 1
        if 0 < self._limits.control_frames < self._control and not self._new_window():
            raise ConnectionFault(ErrorCodes.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def _after_preface(self, data: bytes) -> bytes:
        """Return what follows the preface, as far as it is here."""
        expected = self._preface[: len(data)]
        if data[: len(expected)] != expected:
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "the connection does not begin with the preface")
        self._preface = self._preface[len(expected) :]
        return data[len(expected) :]

    def _weigh(self, frame: Frame, size: int) -> None:
        kind = frame.kind
        if not self._greeted:
            self._greet(frame)
        elif self.mid_block != (kind == CONTINUATION):
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "a header block is interrupted, or none is continued")
        elif kind == HEADERS:
            if frame.flags & PADDED:
                _judge_padding(frame, size)
            # One frame is never too much of a block.
            self._block_bytes, self.mid_block = size, not frame.flags & END_HEADERS
        elif kind == DATA:
            if not frame.flags & END_STREAM and _body_bytes(frame, size) < _SMALLEST_DATA_BYTES:
                self.count_control()
        elif kind == CONTINUATION:
            self._weigh_block(frame, size)
            self.count_control()
        elif kind in (WINDOW_UPDATE, SETTINGS) and self._credit > 0 and (kind == WINDOW_UPDATE or frame.flags & ACK):
            self._credit -= 1
        elif kind != RST_STREAM:
            self.count_control()

    def _greet(self, frame: Frame) -> None:
        if frame.kind != SETTINGS or frame.flags & ACK:
            raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "the first frame is no SETTINGS")
        self._greeted = True

    def _weigh_block(self, frame: Frame, size: int) -> None:
        self._block_bytes += size
        self.mid_block = not frame.flags & END_HEADERS
        if self._block_bytes > self._block_limit:
            raise ConnectionFault(ErrorCodes.ENHANCE_YOUR_CALM, "a header block is too long")

    def _new_window(self) -> bool:
        """Tell whether the time in which frames are counted has passed, and begin anew if so."""
        now = self._clock()
        if now - self._since < _WINDOW_SECONDS:
            return False
        self._since = now
        self._control = self._resets = 0
        return True


def _body_bytes(frame: Frame, size: int) -> int:
    """Return how much of a DATA frame's payload is no padding (RFC 9113 section 6.1)."""
    return size - 1 - frame.data[FRAME_HEAD_BYTES] if frame.flags & PADDED and size else size


def _judge_padding(frame: Frame, size: int) -> None:
    """Hold the padding of HEADERS to what there is room for besides the priority (RFC 9113 section 6.2)."""
    room = size - 1 - (PRIORITY_BYTES if frame.flags & PRIORITIZED else 0)
    if room >= 0 and frame.data[FRAME_HEAD_BYTES] > room:
        raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "HEADERS hold more padding than there is room for")
