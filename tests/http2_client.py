"""A client of HTTP/2 that sends exactly the frames it is told to, and checks every frame that comes back.

It is built on hyperframe and hpack and shares nothing with the listener. What the server may never do is an assertion here:
sending beyond a window or on a stream that is over, frames too large, names in capitals, a block that can't be decoded.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from h2.errors import ErrorCodes
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.listening import Listening

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FIRST_WINDOW = 65_535
LARGEST_WINDOW = (1 << 31) - 1
LAST_STREAM = (1 << 31) - 1
_DEADLINE_SECONDS = 10

Fields = list[tuple[bytes, bytes]]
Text = str | bytes
Act = Callable[["Client"], Sequence[Frame | bytes]]
"""What a client of a table of tests sends."""
Listen = Callable[..., Awaitable[Listening]]
Connect = Callable[..., Awaitable["Client"]]


class Gone(Exception):
    """The server has closed the connection."""


def head(
    path: Text = "/",
    fields: Iterable[tuple[Text, Text]] = (),
    *,
    method: Text = "GET",
    scheme: Text = "http",
    authority: Text | None = "h.test",
) -> Fields:
    """Return the fields of a request; a value of None leaves its pseudo-header out."""
    pseudo = {":method": method, ":scheme": scheme, ":authority": authority, ":path": path}
    pairs = [(name, value) for name, value in pseudo.items() if value is not None]
    return [(_bytes(name), _bytes(value)) for name, value in [*pairs, *fields]]


def raw(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """Return any frame at all, well formed or not (RFC 9113 section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def settings(values: Mapping[int, int]) -> bytes:
    """Return a SETTINGS frame with any values at all."""
    return raw(4, b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in values.items()))


def data(stream: int, block: bytes = b"", *, end: bool = False, padding: int | None = None) -> DataFrame:
    """Return a DATA frame; `padding` is how many bytes of it there are, None for a frame that says nothing of any."""
    flags = [*(["END_STREAM"] if end else []), *(["PADDED"] if padding is not None else [])]
    return DataFrame(stream, block, pad_length=padding or 0, flags=flags)


def reset(stream: int, code: ErrorCodes = ErrorCodes.CANCEL) -> RstStreamFrame:
    """Return a RST_STREAM frame."""
    return RstStreamFrame(stream, int(code))


def window(stream: int, size: int) -> WindowUpdateFrame:
    """Return a WINDOW_UPDATE frame."""
    return WindowUpdateFrame(stream, size)


@dataclass
class Answer:
    """What came back on one stream."""

    room: int
    """How much more of a body the server takes."""
    window: int
    """How much more of a body the server may send."""
    interim: list[int] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)
    """Its body, as far as it is here."""
    frames: int = 0
    """How many DATA frames."""
    ended: bool = False
    reset: ErrorCodes | None = None

    @property
    def status(self) -> int:
        """The final status, 0 where there is none."""
        return int(self.get(":status") or 0)

    def get(self, name: str) -> str | None:
        """Return the value of a field that is there once, or None where it is missing."""
        values = [value for other, value in self.fields if other == name]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def body(self) -> bytes:
        """What is here of its body."""
        return bytes(self.received)

    @property
    def over(self) -> bool:
        """Whether nothing more of it will come."""
        return self.ended or self.reset is not None


class Client:
    """One connection. What comes is looked at only while a test waits for something."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, opens_windows: bool) -> None:
        self.encoder, self.decoder = Encoder(), Decoder(max_header_list_size=1 << 20)
        self.opens_windows = opens_windows
        """Whether each DATA frame is answered by WINDOW_UPDATE for its stream and the connection."""
        self.answers: dict[int, Answer] = {}
        self.goaways: list[GoAwayFrame] = []
        self.pongs: list[bytes] = []
        self.settings: dict[int, int] = {}
        """What the server has set."""
        self.acknowledged = 0
        """How many of our SETTINGS the server has acknowledged."""
        self.room, self.window = FIRST_WINDOW, FIRST_WINDOW
        self.greeted = self.gone = False
        self._reader, self._writer = reader, writer
        self._initial = {3: FIRST_WINDOW, 4: FIRST_WINDOW, 5: 16_384}
        self._unacknowledged: deque[Mapping[int, int]] = deque()
        self._block: list[HeadersFrame | ContinuationFrame] = []

    @classmethod
    async def to(
        cls,
        port: int,
        *,
        settings: Mapping[int, int] | None = None,
        context: ssl.SSLContext | None = None,
        name: str = "127.0.0.1",
        receive_buffer: int | None = None,
        greets: bool = True,
        opens_windows: bool = True,
    ) -> "Client":
        """Connect to a port of 127.0.0.1, and send preface and SETTINGS unless `greets` is false.

        With a TLS context, `name` is the one that is asked for.
        """
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except ConnectionError:
            sock.close()
            raise
        asked_for, ahead = name if context else None, receive_buffer or 65_536
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=asked_for, limit=ahead)
        client = cls(reader, writer, opens_windows=opens_windows)
        if greets:
            client.send(PREFACE)
            client.set(settings or {})
        return client

    def send(self, *frames: Frame | bytes) -> None:
        """Send frames, or bytes as they are."""
        self._writer.write(b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames))

    def set(self, values: Mapping[int, int]) -> None:
        """Send SETTINGS."""
        self._unacknowledged.append(values)
        self.send(settings(values))

    def headers(
        self, stream: int, fields: Fields | None = None, *, end: bool = True, whole: bool = True
    ) -> HeadersFrame:
        """Return a HEADERS frame, and remember that its stream is open."""
        self.answers.setdefault(stream, Answer(self.settings.get(4, FIRST_WINDOW), self._initial[4]))
        flags = [*(["END_STREAM"] if end else []), *(["END_HEADERS"] if whole else [])]
        return HeadersFrame(stream, self.encoder.encode(head() if fields is None else fields), flags=flags)

    def block(self, stream: int, block: bytes, *, end: bool = True, whole: bool = True) -> HeadersFrame:
        """Return a HEADERS frame with any header block at all."""
        frame = self.headers(stream, [], end=end, whole=whole)
        frame.data = block
        return frame

    def open(self, stream: int, size: int) -> None:
        """Let the server send more, on a stream or, by 0, on the connection."""
        if stream:
            self.answers[stream].window += size
        else:
            self.window += size
        self.send(window(stream, size))

    async def upload(self, stream: int, body: bytes, *, frame_bytes: int = 16_384, end: bool = True) -> None:
        """Send a body in frames as the server's windows allow, until its stream is over."""
        answer, place = self.answers[stream], 0
        await self.until(lambda: self.greeted)
        while place < len(body) and not answer.over:
            await self.until(lambda: min(answer.room, self.room) > 0 or answer.over)
            block = body[place : place + min(frame_bytes, answer.room, self.room)]
            place += len(block)
            answer.room -= len(block)
            self.room -= len(block)
            self.send(data(stream, block, end=end and place == len(body)))
            await self._writer.drain()

    async def answer(self, stream: int = 1) -> Answer:
        """Wait until an answer is here whole, or its stream was reset."""
        answer = self.answers[stream]
        await self.until(lambda: answer.over)
        return answer

    async def get(self, stream: int, fields: Fields | None = None) -> Answer:
        """Send a request without a body, and wait for its answer."""
        self.send(self.headers(stream, fields))
        return await self.answer(stream)

    async def reset_of(self, stream: int = 1) -> ErrorCodes | None:
        """Wait until a stream is over, and return the code that it was reset with."""
        return (await self.answer(stream)).reset

    async def end(self) -> ErrorCodes:
        """Wait until the server closes, and return the code of its last GOAWAY."""
        await self.until_gone()
        assert self.goaways, "the server closed without GOAWAY"
        return ErrorCodes(self.goaways[-1].error_code)

    async def until_gone(self) -> None:
        """Wait until the server closes."""
        with contextlib.suppress(Gone):
            await self.until(lambda: False)

    async def ping(self, word: bytes = b"are you?") -> None:
        """Wait until the server has looked at everything that it was sent."""
        count = len(self.pongs)
        self.send(PingFrame(0, word))
        await self.until(lambda: word in self.pongs[count:])

    async def until(self, happened: Callable[[], bool]) -> None:
        """Take frames in until something has happened. Raise Gone where the connection ends before."""
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while not happened():
                await self._take()

    def close(self) -> None:
        """Leave at once."""
        self._writer.transport.abort()

    async def _take(self) -> None:
        try:
            start = await self._reader.readexactly(9)
            frame, size = Frame.parse_frame_header(memoryview(start))
            assert size <= self._initial[5], "a frame is larger than it may be"
            frame.parse_body(memoryview(await self._reader.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.gone = True
            raise Gone from error
        assert self.greeted or isinstance(frame, SettingsFrame), "the first frame is no SETTINGS"
        assert not self._block or isinstance(frame, ContinuationFrame), "a header block is interrupted"
        self._note(frame)

    def _note(self, frame: Frame) -> None:
        match frame:
            case HeadersFrame() | ContinuationFrame():
                self._note_block(frame)
            case DataFrame():
                self._note_data(frame)
            case RstStreamFrame():
                self._open_answer(frame.stream_id, reset=True).reset = ErrorCodes(frame.error_code)
            case SettingsFrame():
                self._note_settings(frame)
            case WindowUpdateFrame(stream_id=0):
                self.room += frame.window_increment
            case WindowUpdateFrame():
                self.answers[frame.stream_id].room += frame.window_increment
            case PingFrame():
                assert "ACK" in frame.flags
                self.pongs.append(frame.opaque_data)
            case GoAwayFrame():
                self.goaways.append(frame)
            case _:
                raise AssertionError(f"the server sent {frame}")

    def _open_answer(self, stream: int, *, reset: bool = False) -> Answer:
        assert stream in self.answers, f"nobody has opened stream {stream}"
        answer = self.answers[stream]
        assert answer.reset is None or reset, f"stream {stream} was reset, and goes on"
        assert not answer.ended or reset, f"stream {stream} has ended, and goes on"
        return answer

    def _note_block(self, frame: HeadersFrame | ContinuationFrame) -> None:
        self._block.append(frame)
        if "END_HEADERS" not in frame.flags:
            return
        block, self._block = self._block, []
        fields = [
            (name.decode("ascii"), value.decode("latin-1"))
            for name, value in self.decoder.decode(b"".join(part.data for part in block), raw=True)
        ]
        assert all(name == name.lower() for name, _ in fields)
        answer = self._open_answer(frame.stream_id)
        assert not answer.fields, "an answer has two heads"
        answer.ended = "END_STREAM" in block[0].flags
        if fields[0][1].startswith("1"):
            assert not answer.ended
            answer.interim.append(int(fields[0][1]))
        else:
            answer.fields = fields

    def _note_data(self, frame: DataFrame) -> None:
        answer, size = self._open_answer(frame.stream_id), frame.flow_controlled_length
        assert answer.fields, "a body comes before its head"
        answer.window -= size
        self.window -= size
        assert size == 0 or min(answer.window, self.window) >= 0, "the server sends beyond a window"
        answer.received += frame.data
        answer.frames += 1
        answer.ended = "END_STREAM" in frame.flags
        if self.opens_windows and size:
            self.open(0, size)
            if not answer.ended:
                self.open(frame.stream_id, size)

    def _note_settings(self, frame: SettingsFrame) -> None:
        if "ACK" in frame.flags:
            self.acknowledged += 1
            self._apply(self._unacknowledged.popleft() if self._unacknowledged else {})
            return
        for answer in self.answers.values():
            answer.room += frame.settings.get(4, FIRST_WINDOW) - self.settings.get(4, FIRST_WINDOW)
        self.settings.update(frame.settings)
        self.greeted = True
        self.send(SettingsFrame(0, flags=["ACK"]))

    def _apply(self, values: Mapping[int, int]) -> None:
        """Hold the server to what we set, from its acknowledgement on (RFC 9113 section 6.5.3)."""
        for answer in self.answers.values():
            answer.window += values.get(4, self._initial[4]) - self._initial[4]
        self._initial.update(values)


def _bytes(text: Text) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
