"""What attackers send over HTTP/2 is shaped as the attack asks for."""

from typing import Any

from hpack import Decoder
from hyperframe.frame import Frame

from bench.abuse import frames


def parsed(data: bytes) -> list[Any]:
    found = []
    while data:
        frame, size = Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + size]))
        found.append(frame)
        data = data[9 + size :]
    return found


def names(data: bytes) -> list[str]:
    return [type(frame).__name__ for frame in parsed(data)]


def test_the_greeting_is_preface_settings_and_an_open_window() -> None:
    greeting = frames.greeting(initial_window=0)
    assert greeting.startswith(frames.PREFACE)
    settings, window = parsed(greeting.removeprefix(frames.PREFACE))
    assert settings.settings == {4: 0}
    assert window.window_increment == (1 << 31) - 1 - 65_535


def test_a_block_can_be_sent_any_number_of_times() -> None:
    block, decoder = frames.block("POST", "/x", ("content-length", "9")), Decoder()
    decoded = [dict(decoder.decode(block, raw=True)) for _ in range(2)]
    assert decoded[0] == decoded[1]
    assert decoded[0][b"content-length"] == b"9"
    assert not decoder.header_table.dynamic_entries


def test_a_cancelled_request_is_headers_and_a_reset_on_the_same_stream() -> None:
    found = parsed(frames.cancelled(range(1, 5, 2), frames.block("GET", "/")))
    assert [(type(frame).__name__, frame.stream_id) for frame in found] == [
        ("HeadersFrame", 1),
        ("RstStreamFrame", 1),
        ("HeadersFrame", 3),
        ("RstStreamFrame", 3),
    ]


def test_an_overrun_request_has_data_behind_its_end() -> None:
    request, more = parsed(frames.overrun(range(7, 9, 2), frames.block("GET", "/")))
    assert "END_STREAM" in request.flags
    assert (more.stream_id, len(more.data)) == (7, 16)


def test_continuations_never_end_the_block() -> None:
    found = parsed(frames.continuations(1, 3))
    assert [type(frame).__name__ for frame in found] == ["ContinuationFrame"] * 3
    assert not any("END_HEADERS" in frame.flags for frame in found)


def test_continuations_are_fields_in_themselves() -> None:
    part = parsed(frames.continuations(1, 1))[0].data
    assert Decoder().decode(part, raw=True) == [(b"x", b"x" * 12)]


def test_floods_hold_as_many_frames_as_were_asked_for() -> None:
    assert names(frames.settings(3)) == ["SettingsFrame"] * 3
    assert names(frames.pings(3)) == ["PingFrame"] * 3
    assert names(frames.empty_data(1, 3)) == ["DataFrame"] * 3


def test_flooding_settings_and_pings_are_no_acknowledgements() -> None:
    assert not any("ACK" in frame.flags for frame in parsed(frames.settings(1) + frames.pings(1)))


def test_empty_data_does_not_end_its_stream() -> None:
    (frame,) = parsed(frames.empty_data(5, 1))
    assert (frame.stream_id, frame.data, "END_STREAM" in frame.flags) == (5, b"", False)


def test_a_header_block_can_be_left_open() -> None:
    (frame,) = parsed(frames.headers(1, b"", ends=True, whole=False))
    assert "END_HEADERS" not in frame.flags
