"""What the gate lets through, and what it counts, without any socket."""

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame
from hypothesis import given
from hypothesis import strategies as st

from phasegate.limits import Limits
from phasegate.server.http2.gate import PREFACE, ConnectionFault, Frame, Gate

GREETING = PREFACE + SettingsFrame(0).serialize()
PING = PingFrame(0).serialize()
TALK = b"".join(
    [
        GREETING,
        HeadersFrame(1, b"\x82", flags=["END_STREAM"]).serialize(),
        ContinuationFrame(1, b"\x84", flags=["END_HEADERS"]).serialize(),
        PING,
        HeadersFrame(3, b"\x82", flags=["END_HEADERS"]).serialize(),
        DataFrame(3, b"x" * 100).serialize(),
        DataFrame(3, b"", flags=["END_STREAM"]).serialize(),
        WindowUpdateFrame(0, 1).serialize(),
    ]
)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    """A gate that bears ten frames that carry nothing, and has been greeted."""
    gate = Gate(Limits(control_frames=10, resets=10), clock)
    list(gate.frames(GREETING))
    return gate


def frames_of(parts: list[bytes]) -> list[Frame]:
    """Return the frames of a conversation that comes in parts."""
    gate = Gate(Limits(), Clock())
    return [frame for part in parts for frame in gate.frames(part)]


@given(st.lists(st.integers(0, len(TALK)), max_size=20).map(sorted))
def test_frames_are_the_same_however_their_bytes_come(cuts: list[int]) -> None:
    parts = [TALK[start:end] for start, end in zip([0, *cuts], [*cuts, len(TALK)], strict=True)]
    assert frames_of(parts) == frames_of([TALK])


def test_frames_are_cut_by_their_length() -> None:
    assert [(frame.kind, frame.stream, len(frame.data)) for frame in frames_of([TALK])] == [
        (4, 0, 9),
        (1, 1, 10),
        (9, 1, 10),
        (6, 0, 17),
        (1, 3, 10),
        (0, 3, 109),
        (0, 3, 9),
        (8, 0, 13),
    ]


def test_so_many_frames_that_carry_nothing_and_no_more(gate: Gate) -> None:
    assert len(list(gate.frames(PING * 10))) == 10
    with pytest.raises(ConnectionFault) as caught:
        list(gate.frames(PING))
    assert caught.value.code is ErrorCodes.ENHANCE_YOUR_CALM


def test_so_many_in_ten_seconds(gate: Gate, clock: Clock) -> None:
    for _ in range(20):
        clock.now += 10
        assert len(list(gate.frames(PING * 10))) == 10


def test_resets_are_counted_apart(gate: Gate) -> None:
    list(gate.frames(PING * 10))
    for _ in range(10):
        gate.count_reset()
    with pytest.raises(ConnectionFault):
        gate.count_reset()


def test_a_window_update_that_answers_what_was_sent_costs_nothing(gate: Gate) -> None:
    gate.credit(50)
    update = WindowUpdateFrame(0, 1).serialize()
    assert len(list(gate.frames(update * 60))) == 60
    with pytest.raises(ConnectionFault):
        list(gate.frames(update))


def test_what_was_sent_is_answered_by_nothing_but_window_updates(gate: Gate) -> None:
    gate.credit(50)
    with pytest.raises(ConnectionFault):
        list(gate.frames(PING * 11))


def test_credit_has_an_end(gate: Gate) -> None:
    gate.credit(1 << 30)
    with pytest.raises(ConnectionFault):
        list(gate.frames(WindowUpdateFrame(0, 1).serialize() * 11_000))


def test_what_is_unfinished_has_an_age(gate: Gate, clock: Clock) -> None:
    clock.now = 5.0
    list(gate.frames(PING[:5]))
    clock.now = 6.0
    list(gate.frames(PING[5:10]))
    assert gate.unfinished_since == 5.0
    list(gate.frames(PING[10:] + PING[:1]))
    assert gate.unfinished_since == 6.0
    list(gate.frames(PING[1:]))
    assert gate.unfinished_since is None


def test_a_header_block_ages_whatever_frames_it_comes_in(gate: Gate, clock: Clock) -> None:
    clock.now = 5.0
    list(gate.frames(PING + HeadersFrame(1, b"").serialize()))
    for clock.now in (6.0, 7.0):
        list(gate.frames(ContinuationFrame(1, b"").serialize()))
    assert (gate.mid_block, gate.unfinished_since) == (True, 5.0)
    list(gate.frames(ContinuationFrame(1, b"", flags=["END_HEADERS"]).serialize()))
    assert (gate.mid_block, gate.unfinished_since) == (False, None)
