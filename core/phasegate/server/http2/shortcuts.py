"""h2's connection, with a short way for each thing that every request does.

h2 makes some twenty objects of a frame, and fifty calls. Of an ordinary frame in an ordinary state it is known beforehand
what comes out: the short way leaves h2's state as the long way would, and whatever is out of the ordinary goes the long one.
"""

from __future__ import annotations

from typing import Any

import h2
from h2.connection import ConnectionState, H2Connection
from h2.events import Event
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.stream import H2Stream, H2StreamStateMachine, StreamClosedBy, StreamState
from hpack.exceptions import HPACKError, OversizedHeaderListError

from .codec import Fields
from .gate import CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_HEAD, HEADERS, WINDOW_UPDATE

# The releases whose inner parts the tests compare with what is done here; with any other, all goes the long way.
_COMPARED = ("4.3.", "4.4.")
# From the first request on, which goes the long way, to the end.
_OPEN = ConnectionState.SERVER_OPEN if h2.__version__.startswith(_COMPARED) else None
_LARGEST_WINDOW = (1 << 31) - 1
_RECEIVING = (StreamState.OPEN, StreamState.HALF_CLOSED_LOCAL)
_SENDING = (StreamState.HALF_CLOSED_REMOTE, StreamState.OPEN)
# So many streams may be over before h2 is made to look which are.
_MOST_OVER = 32


class ShortConnection(H2Connection):
    """A server's connection; it remembers fewer of the streams that are over than h2's does.

    It is for a decoder that shows none of the fields, and for settings that allow any number of streams.
    """

    MAX_CLOSED_STREAMS = 1024

    _most_streams = _MOST_OVER
    _first_windows: tuple[int, int] | None = None

    def receive_data(self, data: Any) -> list[Event]:
        """Take any frame in the long way; it may change the settings, of which some are kept here."""
        self._first_windows = None
        return super().receive_data(data)

    def open_stream(self, stream_id: int, block: bytes, *, ended: bool) -> bool:
        """Take in HEADERS that hold a whole block and open a stream; tell whether they could go this way.

        Raise ProtocolError as `receive_data` does.
        """
        if self.state_machine.state is not _OPEN or stream_id <= self.highest_inbound_stream_id or stream_id % 2 == 0:
            return False
        if len(self.streams) >= self._most_streams:
            self._most_streams = 2 * self.open_inbound_streams + _MOST_OVER
        self._decode(block)
        inbound, outbound = self._first_windows or self._windows_by_settings()
        stream = self.streams[stream_id] = H2Stream(stream_id, self.config, inbound, outbound)
        stream.max_outbound_frame_size = self.max_outbound_frame_size
        self.highest_inbound_stream_id = stream_id
        machine = stream.state_machine
        machine.state = StreamState.HALF_CLOSED_REMOTE if ended else StreamState.OPEN
        machine.client, machine.headers_received = False, True
        return True

    def take_data(self, stream_id: int, size: int, *, ended: bool) -> bool:
        """Take in DATA without padding; tell whether they could go this way, for which both windows must have the room."""
        stream, whole = self.streams.get(stream_id), self._inbound_flow_control_window_manager
        if stream is None or self.state_machine.state is not _OPEN or stream.state_machine.state not in _RECEIVING:
            return False
        own = stream._inbound_window_manager  # noqa: SLF001 (h2's, as this module says)
        if size > min(whole.current_window_size, own.current_window_size):
            return False
        whole.current_window_size -= size
        own.current_window_size -= size
        stream._actual_content_length += size  # noqa: SLF001
        if ended:
            _end_received(stream.state_machine)
        return True

    def acknowledge(self, stream_id: int, size: int) -> None:
        """Give back the room that part of a body took; raise as `acknowledge_received_data` does."""
        stream = self.streams.get(stream_id)
        if stream is None or self.state_machine.state is not _OPEN or not stream.open:
            self.acknowledge_received_data(size, stream_id)
            return
        for number, window in (
            (0, self._inbound_flow_control_window_manager),
            (stream_id, stream._inbound_window_manager),  # noqa: SLF001
        ):
            increment = window.process_bytes(size)
            if increment:
                self._data_to_send += _frame_head(4, WINDOW_UPDATE, 0, number) + increment.to_bytes(4, "big")

    def open_window(self, stream_id: int, increment: int) -> bool:
        """Take in a WINDOW_UPDATE, for a stream or, by 0, for all; tell whether it could go this way."""
        opened: H2Connection | H2Stream | None = self.streams.get(stream_id) if stream_id else self
        if opened is None or self.state_machine.state is not _OPEN:
            return False
        if opened is not self and opened.state_machine.state not in _SENDING:
            return False
        if not 0 < increment <= _LARGEST_WINDOW - opened.outbound_flow_control_window:
            return False
        opened.outbound_flow_control_window += increment
        return True

    def send_answer(self, stream_id: int, fields: Fields, body: bytes) -> bool:
        """Send a whole answer, its body in one frame; tell whether it could go this way, for which there must be room."""
        stream, size = self.streams.get(stream_id), len(body)
        if stream is None or not self._is_sending(stream, size) or stream.state_machine.headers_sent:
            return False
        stream.state_machine.headers_sent = True
        if body:
            self.outbound_flow_control_window -= size
            stream.outbound_flow_control_window -= size
            head = self._head(stream_id, fields, 0)
            self._data_to_send += b"%b%b%b" % (head, _frame_head(size, DATA, END_STREAM, stream_id), body)
        else:
            self._data_to_send += self._head(stream_id, fields, END_STREAM)
        self._end(stream)
        return True

    def send_head(self, stream_id: int, fields: Fields, *, last: bool) -> None:
        """Send an answer's head, or an interim one; raise as `send_headers` does."""
        stream = self.streams.get(stream_id)
        if stream is None or not self._is_sending(stream) or _is_interim_or_trailers(stream, fields):
            self.send_headers(stream_id, fields, end_stream=last)
            return
        stream.state_machine.headers_sent = True
        self._data_to_send += self._head(stream_id, fields, END_STREAM if last else 0)
        if last:
            self._end(stream)

    def send_block(self, stream_id: int, data: bytes, *, last: bool) -> None:
        """Send one frame of a body; raise as `send_data` does."""
        stream, size = self.streams.get(stream_id), len(data)
        if stream is None or not self._is_sending(stream, size):
            self.send_data(stream_id, data, end_stream=last)
            return
        self.outbound_flow_control_window -= size
        stream.outbound_flow_control_window -= size
        self._data_to_send += _frame_head(size, DATA, END_STREAM if last else 0, stream_id)
        self._data_to_send += data
        if last:
            self._end(stream)

    def _is_sending(self, stream: H2Stream, size: int = 0) -> bool:
        """Tell whether so much of an answer may be sent on a stream, in one frame."""
        return (
            stream.state_machine.state in _SENDING
            and self.state_machine.state is _OPEN
            and size <= self.outbound_flow_control_window
            and size <= stream.outbound_flow_control_window
            and size <= self.max_outbound_frame_size
        )

    def _head(self, stream_id: int, fields: Fields, flags: int) -> bytes:
        """Return HEADERS, with CONTINUATION where they are larger than a frame may be."""
        block, most, kind, frames = self.encoder.encode(fields), self.max_outbound_frame_size, HEADERS, b""
        while len(block) > most:
            frames += _frame_head(most, kind, flags, stream_id) + block[:most]
            kind, flags, block = CONTINUATION, 0, block[most:]
        return frames + _frame_head(len(block), kind, flags | END_HEADERS, stream_id) + block

    def _end(self, stream: H2Stream) -> None:
        """Note that the server sends no more on a stream, and let go of one that is over."""
        machine = stream.state_machine
        if machine.state is StreamState.HALF_CLOSED_REMOTE:
            machine.state, machine.stream_closed_by = StreamState.CLOSED, StreamClosedBy.SEND_END_STREAM
            self._closed_streams[stream.stream_id] = StreamClosedBy.SEND_END_STREAM
            del self.streams[stream.stream_id]
        else:
            machine.state = StreamState.HALF_CLOSED_LOCAL

    def _windows_by_settings(self) -> tuple[int, int]:
        self._first_windows = self.local_settings.initial_window_size, self.remote_settings.initial_window_size
        return self._first_windows

    def _decode(self, block: bytes) -> None:
        try:
            self.decoder.decode(block, raw=True)
        except OversizedHeaderListError as error:
            raise self._ended(DenialOfServiceError(f"Oversized header block: {error}")) from error
        except HPACKError as error:
            raise self._ended(ProtocolError(f"Error decoding header block: {error}")) from error

    def _ended(self, fault: ProtocolError) -> ProtocolError:
        """Return a fault, with GOAWAY as the last that will have been sent."""
        self.close_connection(fault.error_code)
        return fault


def _frame_head(size: int, kind: int, flags: int, stream_id: int) -> bytes:
    """Return the nine bytes that a frame begins with (RFC 9113 section 4.1)."""
    return FRAME_HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream_id)


def _is_interim_or_trailers(stream: H2Stream, fields: Fields) -> bool:
    return bool(stream.state_machine.headers_sent) or fields[0][1][:1] == b"1"


def _end_received(machine: H2StreamStateMachine) -> None:
    """Note that the client sends no more on a stream."""
    if machine.state is StreamState.HALF_CLOSED_LOCAL:
        machine.state, machine.stream_closed_by = StreamState.CLOSED, StreamClosedBy.RECV_END_STREAM
    else:
        machine.state = StreamState.HALF_CLOSED_REMOTE
