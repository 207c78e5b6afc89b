"""h2's connection, with a short way for each thing that every request does.

h2 makes some twenty objects of a frame, and fifty calls. Of an ordinary frame in an ordinary state it is known beforehand
what comes out: the short way leaves h2's state as the long way would, and whatever is out of the ordinary goes the long one.
"""

from __future__ import annotations

import h2
from h2.connection import ConnectionState, H2Connection
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.stream import H2Stream, StreamState
from hpack.exceptions import HPACKError, OversizedHeaderListError

# The releases whose inner parts the tests compare with what is done here; with any other, all goes the long way.
_COMPARED = ("4.3.", "4.4.")
# From the first request on, which goes the long way, to the end.
_OPEN = ConnectionState.SERVER_OPEN if h2.__version__.startswith(_COMPARED) else None
# So many streams may be over before h2 is made to look which are.
_MOST_OVER = 32


class ShortConnection(H2Connection):
    """A server's connection; it remembers fewer of the streams that are over than h2's does.

    It is for a decoder that shows none of the fields.
    """

    MAX_CLOSED_STREAMS = 1024

    _most_streams = _MOST_OVER

    def open_stream(self, stream_id: int, block: bytes, *, ended: bool) -> bool:
        """Take in HEADERS that hold a whole block and open a stream; tell whether they could go this way.

        Raise ProtocolError as `receive_data` does.
        """
        if self.state_machine.state is not _OPEN or stream_id <= self.highest_inbound_stream_id or stream_id % 2 == 0:
            return False
        if len(self.streams) >= self._most_streams:
            self._most_streams = 2 * self.open_inbound_streams + _MOST_OVER
        self._decode(block)
        inbound, outbound = self.local_settings.initial_window_size, self.remote_settings.initial_window_size
        stream = self.streams[stream_id] = H2Stream(stream_id, self.config, inbound, outbound)
        stream.max_outbound_frame_size = self.max_outbound_frame_size
        self.highest_inbound_stream_id = stream_id
        machine = stream.state_machine
        machine.state = StreamState.HALF_CLOSED_REMOTE if ended else StreamState.OPEN
        machine.client, machine.headers_received = False, True
        return True

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
