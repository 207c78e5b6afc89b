"""A connection without a socket: any bytes in any pieces, and a conversation that is cut anywhere."""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasegate import Request, Response
from phasegate.limits import Limits
from phasegate.server.http2.connection import Http2Connection
from phasegate.server.listener import Listener
from phasegate.server.roster import Roster
from tests.http2_client import PREFACE, head, raw
from tests.listening import Handler, Scripted, echo

ALWAYS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Wire(asyncio.Transport):
    """Where a connection writes to, and what tells it of its end."""

    def __init__(self) -> None:
        super().__init__()
        self.connection: Http2Connection
        self.written = bytearray()
        self.unwritten = 0
        # A connection asks the kernel what it still holds: of nothing that is connected, nothing.
        self._socket = socket.socket()
        self._socket.close()
        self.calls: list[str] = []

    def write(self, data: Any) -> None:
        assert "write_eof" not in self.calls, "something is written behind the end"
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unwritten

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket if name == "socket" else default

    def is_closing(self) -> bool:
        return "abort" in self.calls

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def pause_reading(self) -> None:
        self.calls.append("pause_reading")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def abort(self) -> None:
        self.calls.append("abort")


def connected(handler: Handler = echo, **limits: Any) -> tuple[Http2Connection, Wire]:
    """Return a connection that has begun."""
    listener, wire = Listener(Scripted(handler), Roster(Limits(**limits))), Wire()
    connection = Http2Connection(listener, wire, "127.0.0.1")
    listener.roster.admit(connection)
    connection.begin()
    return connection, wire


async def settle() -> None:
    """Let everything happen that needs no more bytes."""
    for _ in range(20):
        await asyncio.sleep(0)


async def conversation(parts: Sequence[bytes], handler: Handler = echo, **limits: Any) -> bytes:
    """Return what is answered to bytes that come in parts from a client that leaves then; nothing may be left of it."""
    failures: list[Mapping[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    tasks = asyncio.all_tasks()
    connection, wire = connected(handler, **limits)
    for part in parts:
        connection.data_received(part)
        await asyncio.sleep(0)
    await settle()
    connection.connection_lost(None)
    await settle()
    roster = connection.listener.roster
    await asyncio.wait_for(roster.drain(1), 5)
    assert (asyncio.all_tasks(), len(roster), connection.exchanges, failures) == (tasks, 0, {}, [])
    return bytes(wire.written)


class Answers:
    """What came back, taken apart: whatever does not hold together is an error."""

    def __init__(self, received: bytes) -> None:
        self.bodies: dict[int, bytes] = {}
        self.statuses: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.goaways: list[int] = []
        decoder, block = Decoder(max_header_list_size=1 << 20), b""
        for frame in frames_of(received):
            if isinstance(frame, HeadersFrame | ContinuationFrame):
                block += frame.data
                if "END_HEADERS" in frame.flags:
                    self.statuses[frame.stream_id] = dict(decoder.decode(block, raw=True))[b":status"]
                    block = b""
            if isinstance(frame, DataFrame):
                self.bodies[frame.stream_id] = self.bodies.get(frame.stream_id, b"") + frame.data
            if isinstance(frame, HeadersFrame | DataFrame):
                assert frame.stream_id not in self.ended
                if "END_STREAM" in frame.flags:
                    self.ended.add(frame.stream_id)
            if isinstance(frame, GoAwayFrame):
                self.goaways.append(frame.error_code)


def frames_of(data: bytes) -> list[Frame]:
    """Return the frames that bytes hold, which are whole."""
    frames: list[Frame] = []
    while data:
        frame, size = Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + size]))
        assert len(data) >= 9 + size
        frames.append(frame)
        data = data[9 + size :]
    return frames


def talk() -> bytes:
    """Return a conversation of a client's: bodies, trailers, a block in pieces, repeated blocks, resets."""
    encoder = Encoder()
    ends = ["END_HEADERS", "END_STREAM"]
    post = head("/post", [("x-long", "y" * 60)], method="POST")
    frames: list[Frame] = [SettingsFrame(0, settings={1: 100, 4: 30_000}), SettingsFrame(0, flags=["ACK"])]
    frames += [HeadersFrame(1, encoder.encode(head("/one")), flags=ends)]
    frames += [HeadersFrame(3, encoder.encode(post), flags=["END_HEADERS"]), DataFrame(3, b"a" * 40), PingFrame(0)]
    frames += [
        HeadersFrame(5, encoder.encode(post), flags=["END_HEADERS"]),
        DataFrame(5, b"b" * 30, flags=["END_STREAM"]),
    ]
    frames += [
        DataFrame(3, b"c" * 20, flags=["PADDED"], pad_length=3),
        WindowUpdateFrame(0, 5),
        WindowUpdateFrame(3, 5),
    ]
    frames += [HeadersFrame(3, encoder.encode([(b"x-trailer", b"1")]), flags=ends), PriorityFrame(3, stream_weight=3)]
    block = encoder.encode(head("/pieces"))
    frames += [HeadersFrame(7, block[:3], flags=["END_STREAM"]), ContinuationFrame(7, block[3:], flags=["END_HEADERS"])]
    frames += [HeadersFrame(9, encoder.encode(head("/reset")), flags=["END_HEADERS"]), RstStreamFrame(9, 8)]
    frames += [HeadersFrame(11, encoder.encode(head("/pieces")), flags=ends)]
    return PREFACE + b"".join(frame.serialize() for frame in frames) + raw(0x16, b"anything")


TALK = talk()
WHOLE = {1: b"", 3: b"a" * 40 + b"c" * 20, 5: b"b" * 30, 7: b"", 11: b""}


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return bytes in the parts that some places make of them."""
    places = sorted(min(place, len(data)) for place in places)
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


PLACES = st.lists(st.integers(0, len(TALK)), max_size=30)


async def check(parts: Sequence[bytes]) -> None:
    answers = Answers(await conversation(parts))
    assert {stream: answers.bodies.get(stream, b"") for stream in answers.statuses if stream != 9} == WHOLE
    assert set(WHOLE) <= answers.ended
    assert set(answers.statuses.values()) == {b"200"}
    assert answers.goaways == []


@given(PLACES)
@ALWAYS
async def test_a_conversation_that_is_cut_anywhere_has_the_same_answers(places: list[int]) -> None:
    await check(cut(TALK, places))


async def test_a_conversation_that_comes_byte_by_byte_has_the_same_answers() -> None:
    await check([TALK[place : place + 1] for place in range(len(TALK))])


@given(st.integers(0, len(TALK)), PLACES)
@ALWAYS
async def test_a_conversation_may_break_off_anywhere(end: int, places: list[int]) -> None:
    answers = Answers(await conversation(cut(TALK[:end], places)))
    assert set(answers.statuses.values()) <= {b"200"}


MUTATIONS = st.lists(
    st.tuples(st.integers(0, len(TALK)), st.sampled_from(["set", "flip", "insert", "delete"]), st.integers(0, 255)),
    min_size=1,
    max_size=6,
)


def mutated(mutations: list[tuple[int, str, int]]) -> bytes:
    """Return the conversation with some of its bytes changed."""
    data = bytearray(TALK)
    for place, how, value in mutations:
        index = min(place, len(data) - 1)
        if how == "set":
            data[index] = value
        elif how == "flip":
            data[index] ^= 1 << value % 8
        elif how == "insert":
            data.insert(index, value)
        else:
            del data[index]
    return bytes(data)


@given(MUTATIONS, PLACES)
@settings(ALWAYS, max_examples=200)
async def test_no_changed_byte_does_harm(mutations: list[tuple[int, str, int]], places: list[int]) -> None:
    answers = Answers(await conversation(cut(mutated(mutations), places), head_bytes=2000, control_frames=20))
    assert len(answers.goaways) <= 1


STREAMS = st.integers(0, 6)
PAYLOADS = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"\x82\x84\x86\x41\x01h", b"\0\0\0\1", bytes(8), bytes(5)])
)
FRAMES = st.builds(
    lambda kind, payload, flags, stream: raw(kind, payload, flags=flags, stream=stream),
    st.integers(0, 11),
    PAYLOADS,
    st.one_of(st.sampled_from([0, 1, 4, 5]), st.integers(0, 255)),
    STREAMS,
)


@given(st.lists(FRAMES, max_size=20), PLACES)
@settings(ALWAYS, max_examples=200)
async def test_no_frames_do_harm_in_any_order(frames: list[bytes], places: list[int]) -> None:
    sent = PREFACE + SettingsFrame(0).serialize() + b"".join(frames)
    answers = Answers(await conversation(cut(sent, places)))
    assert len(answers.goaways) <= 1


@given(st.binary(max_size=200), PLACES)
@settings(ALWAYS, max_examples=100)
async def test_no_bytes_do_harm(noise: bytes, places: list[int]) -> None:
    Answers(await conversation(cut(PREFACE + SettingsFrame(0).serialize() + noise, places)))


UPLOADS = st.lists(st.lists(st.binary(max_size=50), max_size=5), min_size=1, max_size=6)


def interleaved(uploads: list[list[bytes]], order: list[int], window: int) -> bytes:
    """Return requests whose bodies come in turns, and whose answers have a window of so much until all are here."""
    encoder = Encoder()
    frames: list[Frame] = [SettingsFrame(0, settings={4: window})]
    left = {2 * number + 1: list(blocks) for number, blocks in enumerate(uploads)}
    frames += [HeadersFrame(stream, encoder.encode(head(method="POST")), flags=["END_HEADERS"]) for stream in left]
    for turn in [*order, *range(len(left) * 6)]:
        stream = list(left)[turn % len(left)]
        if left[stream]:
            frames.append(DataFrame(stream, left[stream].pop(0)))
    frames += [DataFrame(stream, flags=["END_STREAM"]) for stream in left]
    frames += [WindowUpdateFrame(stream, 1000) for stream in left]
    return PREFACE + b"".join(frame.serialize() for frame in frames)


@given(UPLOADS, st.lists(st.integers(0, 5), max_size=30), st.sampled_from([0, 1, 50, 65_535]), PLACES)
@ALWAYS
async def test_bodies_that_come_in_turns_are_answered_each_by_its_own(
    uploads: list[list[bytes]], order: list[int], window: int, places: list[int]
) -> None:
    answers = Answers(await conversation(cut(interleaved(uploads, order, window), places)))
    bodies = {stream: answers.bodies.get(stream, b"") for stream in answers.ended}
    assert bodies == {2 * number + 1: b"".join(blocks) for number, blocks in enumerate(uploads)}


async def test_what_comes_behind_a_fault_is_thrown_away() -> None:
    requests = PREFACE + SettingsFrame(0).serialize() + raw(6) + TALK[len(PREFACE) :]
    answers = Answers(await conversation([requests, TALK]))
    assert (answers.goaways, answers.statuses) == ([ErrorCodes.FRAME_SIZE_ERROR], {})


async def test_a_client_that_takes_nothing_is_not_read_any_more() -> None:
    connection, wire = connected(control_frames=0)
    connection.data_received(PREFACE + SettingsFrame(0).serialize())
    connection.pause_writing()
    wire.unwritten = 1 << 20
    connection.data_received(PingFrame(0).serialize())
    connection.resume_writing()
    assert wire.calls == ["pause_reading", "resume_reading"]
    connection.connection_lost(None)


async def test_a_client_that_takes_nothing_is_cut_off_in_time_whether_it_waits_for_anything_or_not() -> None:
    connection, wire = connected(write_timeout=5, idle_timeout=1000)
    connection.pause_writing()
    now = connection.loop.time()
    assert connection.deadline <= now
    connection.overdue(now + 1)
    assert wire.calls == []
    connection.overdue(now + 6)
    assert wire.calls == ["abort"]
    connection.connection_lost(None)


async def test_settings_that_nobody_knows_are_not_kept() -> None:
    connection, _ = connected(control_frames=0)
    connection.data_received(PREFACE + SettingsFrame(0).serialize())
    for place in range(0x100, 0x1000, 32):
        payload = b"".join(name.to_bytes(2, "big") + bytes(4) for name in range(place, place + 32))
        connection.data_received(raw(4, payload))
    assert len(connection.session._h2.remote_settings) < 10
    connection.connection_lost(None)


async def test_an_application_that_fails_is_noted_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        raise RuntimeError("the zoo is on fire")

    answers = Answers(await conversation([TALK], handler))
    assert set(answers.statuses.values()) == {b"500"}
    assert {record.msg for record in caplog.records if record.levelno >= logging.ERROR} == {"answer failed"}
