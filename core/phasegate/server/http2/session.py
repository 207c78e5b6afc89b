"""h2 as this listener uses it: what is sent goes through here, in as few writes as may be."""

from __future__ import annotations

from collections.abc import Callable

from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import Event
from h2.exceptions import DenialOfServiceError, H2Error, ProtocolError
from h2.settings import SettingCodes, Settings
from hpack.exceptions import HPACKError
from hyperframe.frame import GoAwayFrame

from ...errors import ClientClosed
from ...limits import Limits
from .codec import Block, Fields, KeepingDecoder, PlainEncoder
from .gate import LARGEST_FRAME_BYTES, PREFACE, ConnectionFault, Frame
from .shortcuts import ShortConnection

STREAM_WINDOW_BYTES = 262_144
"""What of a request's body waits for its reader."""
_LARGEST = (1 << 31) - 1
_FIRST_WINDOW_BYTES = 65_535
_WRITE_BYTES = 65_536
_GOAWAY_BYTES = 17
_KNOWN_SETTINGS = frozenset(SettingCodes)


class Session:
    """One connection's HTTP/2 state. `write` takes the bytes that are to be sent; `later` has `flush` called at the turn's end."""

    __slots__ = ("_decoder", "_flushing", "_h2", "_later", "_unflushed", "_write")

    def __init__(self, limits: Limits, later: Callable[[], None], write: Callable[[bytes], None]) -> None:
        self._later = later
        self._write = write
        self._flushing = False
        self._unflushed = 0
        # A block that is somewhat too large is decoded all the same, so that it can be answered with 431.
        self._decoder = KeepingDecoder(2 * limits.head_bytes + 32 * limits.head_fields)
        self._h2 = _h2_connection(limits)
        self._h2.decoder = self._decoder
        self._h2.encoder = PlainEncoder()  # type: ignore[assignment]

    @property
    def block(self) -> Block:
        """The header block that was received last."""
        return self._decoder.block

    @property
    def last_stream(self) -> int:
        """The highest stream that the client has opened."""
        return self._h2.highest_inbound_stream_id

    def begin(self) -> None:
        """Send our settings; the connection's own window never closes, those of its streams do."""
        self._h2.initiate_connection()
        # One stream too many is refused here; h2 would end the connection over it.
        self._h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = _LARGEST
        self._h2.local_settings.acknowledge()
        self._h2.increment_flow_control_window(_LARGEST - _FIRST_WINDOW_BYTES)
        self.flush()
        self._h2.receive_data(PREFACE)

    def receive(self, frame: Frame) -> list[Event]:
        """Return what a frame means. Raise ConnectionFault where it ends the connection."""
        try:
            return self._h2.receive_data(frame.data)
        except ProtocolError as error:
            raise self._fault(error) from error

    def opens(self, stream: int, block: bytes, *, ended: bool) -> bool:
        """Take in a whole header block; tell whether it opens a stream as is usual.

        One that does not is to be received, like any frame that is not taken in so. Raise ConnectionFault as `receive` does.
        """
        try:
            return self._h2.open_stream(stream, block, ended=ended)
        except ProtocolError as error:
            raise self._fault(error) from error

    def fills(self, stream: int, size: int, *, ended: bool) -> bool:
        """Take in DATA of this size, without padding; tell whether they come as is usual."""
        return self._h2.take_data(stream, size, ended=ended)

    def widens(self, stream: int, increment: int) -> bool:
        """Take in a WINDOW_UPDATE; tell whether it comes as is usual."""
        return self._h2.open_window(stream, increment)

    def acknowledge(self, stream: int, size: int) -> None:
        """Give the client back the room that part of a body took."""
        if size:
            self._h2.acknowledge(stream, size)
            self.flush_soon()

    def room(self, stream: int) -> int:
        """Return how many bytes the stream's next frame may carry. Raise ClientClosed where it is over.

        Other streams would have to wait for a longer one, whatever the client takes.
        """
        try:
            return min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size, _WRITE_BYTES)
        except H2Error as error:
            raise _over(error) from error

    def send_head(self, stream: int, fields: Fields, *, last: bool = False) -> None:
        """Send an answer's head. Raise ClientClosed where the stream is over."""
        try:
            self._h2.send_head(stream, fields, last=last)
        except H2Error as error:
            raise _over(error) from error
        self.flush_soon()

    def send_whole(self, stream: int, fields: Fields, body: bytes) -> bool:
        """Send a whole answer; tell whether it could be sent: what it needs is room for its body in one frame."""
        if len(body) > _WRITE_BYTES or not self._h2.send_answer(stream, fields, body):
            return False
        self._sent(len(body))
        return True

    def send_block(self, stream: int, data: bytes, *, last: bool) -> None:
        """Send one frame of a body. Raise ClientClosed where the stream is over."""
        try:
            self._h2.send_block(stream, data, last=last)
        except H2Error as error:
            raise _over(error) from error
        self._sent(len(data))

    def reset(self, stream: int, code: ErrorCodes) -> None:
        """End a stream; one that is over already is left alone."""
        try:
            self._h2.reset_stream(stream, code)
        except H2Error:
            return
        self.flush_soon()

    def say_goaway(self, code: ErrorCodes, *, last_stream: int = _LARGEST) -> None:
        """Send GOAWAY ourselves: h2 would let nothing more be sent after its own."""
        self.flush()
        self._write(GoAwayFrame(0, last_stream_id=last_stream, error_code=int(code)).serialize())

    def flush_soon(self) -> None:
        """Send what there is at the end of this turn of the loop, together with what else comes up in it."""
        if not self._flushing:
            self._flushing = True
            self._later()

    def flush(self) -> None:
        """Send what there is."""
        self._flushing = False
        self._unflushed = 0
        data = self._h2.data_to_send()
        if data:
            self._write(data)

    def end(self) -> None:
        """Send what there is, and nothing from now on, whoever tries."""
        self.flush()
        self._write = _to_nobody

    def _fault(self, error: ProtocolError) -> ConnectionFault:
        """Return what ends the connection; what was to be sent before leaves."""
        # Last comes h2's own GOAWAY, with the code that it has for this.
        before = self._h2.data_to_send()[:-_GOAWAY_BYTES]
        if before:
            self._write(before)
        return ConnectionFault(_code_of(error), str(error))

    def _sent(self, size: int) -> None:
        self._unflushed += size
        if self._unflushed >= _WRITE_BYTES:
            self.flush()
        elif not self._flushing:
            self.flush_soon()


def _to_nobody(_: bytes) -> None:
    """Send nothing: the end of what we send was sent."""


class _KnownSettings(Settings):
    """A client's settings without those that nobody knows (RFC 9113 section 6.5.2): h2 would keep 65,536 of them."""

    def __setitem__(self, key: SettingCodes | int, value: int) -> None:
        if key in _KNOWN_SETTINGS:
            super().__setitem__(key, value)


def _h2_connection(limits: Limits) -> ShortConnection:
    connection = ShortConnection(
        H2Configuration(
            client_side=False,
            header_encoding=None,
            validate_inbound_headers=False,
            normalize_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
    )
    connection.remote_settings = _KnownSettings(client=True)
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.head_bytes,
            SettingCodes.MAX_FRAME_SIZE: LARGEST_FRAME_BYTES,
        },
    )
    return connection


def _over(error: H2Error) -> ClientClosed:
    return ClientClosed(f"the stream is over: {error}")


def _code_of(error: ProtocolError) -> ErrorCodes:
    """Return the code that the RFC has for what h2 found."""
    if isinstance(error.__cause__, HPACKError) and not isinstance(error, DenialOfServiceError):
        return ErrorCodes.COMPRESSION_ERROR
    return ErrorCodes(error.error_code)
