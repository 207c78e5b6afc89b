"""What RFC 9113 has for single frames where h2 has another code, another rule or none."""

from __future__ import annotations

from collections.abc import Callable

from h2.errors import ErrorCodes

from .gate import (
    ACK,
    FRAME_HEAD_BYTES,
    GOAWAY,
    PRIORITY_BYTES,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    ConnectionFault,
    Frame,
)

_SHORTEST_GOAWAY_BYTES = 8
_LARGEST_INCREMENT = b"\x7f\xff\xff\xff"
# 32 settings, as nghttp2's default has it: there are no more than eight that anybody knows (CVE-2020-11080).
_MOST_SETTINGS_BYTES = 32 * 6


def judge(frame: Frame, last_stream: int) -> None:
    """Raise ConnectionFault for a frame that may not be. `last_stream` is the highest that the client has opened."""
    rule = _RULES.get(frame.kind)
    if rule is not None:
        rule(frame)
    elif frame.kind == RST_STREAM and (frame.stream > last_stream or frame.stream % 2 == 0):
        raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "RST_STREAM on an idle stream")


def _judge_settings(frame: Frame) -> None:
    payload = len(frame.data) - FRAME_HEAD_BYTES
    if frame.flags & ACK and payload:
        raise ConnectionFault(ErrorCodes.FRAME_SIZE_ERROR, "SETTINGS are acknowledged with settings")
    if payload > _MOST_SETTINGS_BYTES:
        raise ConnectionFault(ErrorCodes.ENHANCE_YOUR_CALM, "too many settings at once")


def _judge_promise(frame: Frame) -> None:
    raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, f"a client can't push, as on stream {frame.stream}")


def _judge_goaway(frame: Frame) -> None:
    if frame.stream:
        raise ConnectionFault(ErrorCodes.PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(frame.data) - FRAME_HEAD_BYTES < _SHORTEST_GOAWAY_BYTES:
        raise ConnectionFault(ErrorCodes.FRAME_SIZE_ERROR, "GOAWAY is too short")


def has_odd_priority(frame: Frame) -> bool:
    """Tell whether a priority is cut short, or has a stream depend on itself (RFC 7540 section 5.3.1)."""
    depends_on = int.from_bytes(frame.data[FRAME_HEAD_BYTES : FRAME_HEAD_BYTES + 4], "big") & 0x7FFFFFFF
    return len(frame.data) < FRAME_HEAD_BYTES + PRIORITY_BYTES or depends_on == frame.stream


def without_reserved_bit(frame: Frame) -> Frame:
    """Return a WINDOW_UPDATE without the bit that is to be ignored (RFC 9113 section 6.9), which h2 takes for a part of it."""
    start, increment = frame.data[:FRAME_HEAD_BYTES], frame.data[FRAME_HEAD_BYTES:]
    if increment <= _LARGEST_INCREMENT:
        return frame
    return frame._replace(data=start + bytes([increment[0] & 0x7F]) + increment[1:])


_RULES: dict[int, Callable[[Frame], None]] = {
    SETTINGS: _judge_settings,
    PUSH_PROMISE: _judge_promise,
    GOAWAY: _judge_goaway,
}
