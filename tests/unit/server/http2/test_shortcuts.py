"""The short ways against h2's own: whatever is done, both leave the same behind.

They set what h2 has inside, so that this is the contract with the releases of h2 that they are taken with.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest import mock

import h2
from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.stream import StreamState
from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phasegate.errors import ClientClosed
from phasegate.limits import Limits
from phasegate.server.http2 import session, shortcuts
from phasegate.server.http2.gate import ConnectionFault
from phasegate.server.http2.gate import Frame as Cut

# Most of what is done is possible: on few streams, and seldom what ends the connection.
_STREAMS = st.sampled_from([1, 1, 1, 3, 3, 3, 5, 5, 7, 2])
# Of the largest window, so that one can be opened too far.
_HALF = 1 << 30
_SIZES = st.sampled_from([0, 1, 5, 100, 16_384, 16_385, 40_000, 70_000])


class Act(NamedTuple):
    """What the client or the server does, and with what."""

    what: str
    stream: int
    size: int
    last: bool


_SELDOM = ("interim", "reset", "cancel", "settings", "garbage", "bomb")
ACTS = st.builds(
    Act,
    st.sampled_from(["open", "open", "data", "data", "whole", "head", "block", "acknowledge", "window", *_SELDOM]),
    _STREAMS,
    _SIZES,
    st.booleans(),
)

_SENDS = ("whole", "head", "interim", "block")
_OURS = ("acknowledge", "reset", *_SENDS)


class Run:
    """A session that is led through what is done."""

    def __init__(self) -> None:
        self.written = bytearray()
        with mock.patch.object(session, "STREAM_WINDOW_BYTES", 20_000):
            self.session = session.Session(Limits(), lambda: None, self.written.extend)
        self.session.begin()
        self.h2: Any = self.session._h2
        self._encoder = Encoder()
        self._receive(SettingsFrame(0))

    def do(self, act: Act) -> object:
        """Return what comes of an act: nothing, or the error. The server has to do only with what is open."""
        if act.what in _OURS and not self._is_open(act.stream, sending=act.what in _SENDS):
            return None
        try:
            getattr(self, f"_{act.what}")(act)
        except (ConnectionFault, ClientClosed) as error:
            return type(error), str(error).partition("<memory")[0], getattr(error, "code", None)
        return None

    def state(self) -> object:
        """Return everything that h2 knows, but for what it knows twice."""
        self.session.flush()
        h2, seen = self.h2, range(1, 20)
        return (
            bytes(self.written),
            h2.state_machine.state,
            (h2.highest_inbound_stream_id, h2.highest_outbound_stream_id),
            (h2.outbound_flow_control_window, vars(h2._inbound_flow_control_window_manager)),
            [h2._stream_closed_by(stream) for stream in seen],
            [_inside(h2.streams[stream]) for stream in seen if stream in h2.streams and not h2.streams[stream].closed],
        )

    def _is_open(self, number: int, *, sending: bool) -> bool:
        stream = self.h2.streams.get(number)
        if stream is None or stream.closed or number % 2 == 0:
            return False
        return not (sending and stream.state_machine.state is StreamState.HALF_CLOSED_LOCAL)

    def _receive(self, frame: Frame) -> None:
        if not self._takes(frame):
            data = frame.serialize()
            self.session.receive(Cut(data[3], data[4], frame.stream_id, data))

    def _takes(self, frame: Frame) -> bool:
        ended = "END_STREAM" in frame.flags
        if isinstance(frame, HeadersFrame):
            return self.session.opens(frame.stream_id, frame.data, ended=ended)
        if isinstance(frame, DataFrame):
            return self.session.fills(frame.stream_id, len(frame.data), ended=ended)
        return isinstance(frame, WindowUpdateFrame) and self.session.widens(frame.stream_id, frame.window_increment)

    def _open(self, act: Act) -> None:
        flags = ["END_HEADERS", "END_STREAM"] if act.last else ["END_HEADERS"]
        fields = [(b":method", b"GET"), (b":path", b"/"), (b"a", bytes(act.size % 512))]
        self._receive(HeadersFrame(act.stream, self._encoder.encode(fields), flags=flags))

    def _garbage(self, act: Act) -> None:
        self._receive(HeadersFrame(act.stream, b"\xff\xff\xff\xff", flags=["END_HEADERS"]))

    def _bomb(self, act: Act) -> None:
        block = self._encoder.encode([(b"a", bytes(3000))], huffman=False) + b"\xbe" * 100
        self._receive(HeadersFrame(act.stream, block, flags=["END_HEADERS"]))

    def _data(self, act: Act) -> None:
        flags = ["END_STREAM"] if act.last else []
        self._receive(DataFrame(act.stream, bytes(min(act.size, 16_384)), flags=flags))

    def _cancel(self, act: Act) -> None:
        self._receive(RstStreamFrame(act.stream, 8))

    def _window(self, act: Act) -> None:
        self._receive(WindowUpdateFrame(act.stream if act.last else 0, act.size + 1 if act.size < 9 else _HALF))

    def _settings(self, act: Act) -> None:
        changed = {SettingsFrame.INITIAL_WINDOW_SIZE: act.size, SettingsFrame.MAX_FRAME_SIZE: max(act.size, 16_384)}
        self._receive(SettingsFrame(0, changed))

    def _acknowledge(self, act: Act) -> None:
        self.session.acknowledge(act.stream, act.size)

    def _reset(self, act: Act) -> None:
        self.session.reset(act.stream, ErrorCodes.CANCEL)

    def _head(self, act: Act) -> None:
        self.session.send_head(act.stream, [(b":status", b"200"), (b"a", bytes(act.size))], last=act.last)

    def _whole(self, act: Act) -> None:
        fields = [(b":status", b"200"), (b"a", bytes(act.size if act.last else 1))]
        if not self.session.send_whole(act.stream, fields, bytes(act.size)):
            self.session.send_head(act.stream, fields, last=not act.size)
            if act.size:
                self.session.send_block(act.stream, bytes(act.size), last=True)

    def _interim(self, act: Act) -> None:
        self.session.send_head(act.stream, [(b":status", b"100")])

    def _block(self, act: Act) -> None:
        self.session.send_block(act.stream, bytes(act.size), last=act.last)


def _inside(stream: Any) -> object:
    """Return what is in a stream of h2's, and in what it consists of."""
    parts = {name: value for name, value in vars(stream).items() if name != "config"}
    return [
        vars(value) if name in ("state_machine", "_inbound_window_manager") else value for name, value in parts.items()
    ]


def outcomes(acts: Sequence[Act]) -> list[object]:
    """Return what comes of each act, and how it leaves h2; the first fault is the last."""
    run, found = Run(), list[object]()
    for act in (Act("open", 1, 0, last=False), *acts):
        found.append((act.what, outcome := run.do(act), run.state()))
        if isinstance(outcome, tuple) and outcome[0] is ConnectionFault:
            break
    return found


@given(st.lists(ACTS, min_size=4, max_size=16))
@example([Act("whole", 1, 5, last=True), Act("data", 1, 5, last=True), Act("open", 3, 0, last=True)])
@example([Act("head", 1, 5, last=False), Act("block", 1, 5, last=False), Act("head", 1, 5, last=True)])
@example([Act("open", 3, 0, last=True), Act("settings", 1, 5, last=True), Act("open", 5, 0, last=True)])
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_short_way_leaves_what_the_long_way_leaves(acts: list[Act]) -> None:
    with mock.patch.object(shortcuts, "_OPEN", None):
        expected = outcomes(acts)
    assert outcomes(acts) == expected


def test_requests_go_the_short_way() -> None:
    run = Run()
    run.do(Act("open", 1, 0, last=True))
    long_ways = dict.fromkeys(
        ["receive_data", "acknowledge_received_data", "send_headers", "send_data"],
        mock.Mock(side_effect=AssertionError),
    )
    with mock.patch.multiple(run.h2, **long_ways):
        acts = [Act("open", 3, 0, last=True), Act("whole", 3, 9, last=True), Act("open", 5, 0, last=True)]
        acts += [Act("open", 7, 0, last=False), Act("data", 7, 9, last=True), Act("acknowledge", 7, 9, last=False)]
        acts += [Act("window", 7, 9, last=True), Act("window", 7, 9, last=False)]
        acts += [Act("head", 5, 0, last=False), Act("block", 5, 9, last=True)]
        assert [run.do(act) for act in acts] == [None] * len(acts)
    assert (run.session.last_stream, run.h2.open_inbound_streams) == (7, 2)


def test_streams_that_are_over_are_let_go() -> None:
    run = Run()
    for stream in range(1, 4001, 2):
        run.do(Act("open", stream, 0, last=True))
        run.do(Act("cancel", stream, 0, last=True))
    assert len(run.h2.streams) < 100
    assert len(run.h2._closed_streams) <= shortcuts.ShortConnection.MAX_CLOSED_STREAMS


def test_another_release_of_h2_goes_the_long_way() -> None:
    assert h2.__version__.startswith(shortcuts._COMPARED), "compare this release, then name it in _COMPARED"
    assert shortcuts._OPEN is ConnectionState.SERVER_OPEN
