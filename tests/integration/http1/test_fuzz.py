"""Whatever comes, in whatever pieces, is answered alike and upsets nothing."""

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import h11
import pytest
import uvloop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phasegate import Request, Response
from phasegate.limits import Limits
from phasegate.server.http1.connection import Http1Connection
from phasegate.server.listener import Listener
from phasegate.server.roster import Roster
from tests.http1_client import Client, parse_head
from tests.integration.http1.test_framing import CHUNKS, CODINGS, FIELDS, HOSTS, LENGTHS, LINES, message
from tests.listening import Scripted, echo, listening

pytestmark = pytest.mark.long

_DATE = re.compile(rb"date: [^\r]*\r\n")
bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
fewer = settings(bounded, max_examples=40)


# Limits that no request in form reaches, and what is out of form does not either.
TIGHT = Limits(body_bytes=500, head_bytes=300, target_bytes=30)
LOOSE = Limits(body_bytes=5000, head_bytes=5000, target_bytes=1000)


class FakeTransport:
    """A client that takes everything at once, and the bytes it was sent."""

    def __init__(self) -> None:
        self.protocol: Http1Connection
        self.sent = bytearray()
        self.paused = self.closing = False

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.sent += data

    def write_eof(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    def get_extra_info(self, name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0


@dataclass(frozen=True)
class Seen:
    """What a connection came to: bytes sent, requests that were served, and whether it was closed."""

    sent: bytes
    served: list[tuple[str, str, bytes]]
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answers, every one of which is well-formed."""
        return list(_statuses(self.sent))


def _statuses(sent: bytes) -> Iterator[int]:
    while sent:
        head, mark, sent = sent.partition(b"\r\n\r\n")
        status, _, fields = parse_head(head + mark)
        if status == 100:
            continue
        lengths = [int(value) for name, value in fields if name == "content-length"]
        assert len(lengths) == 1
        assert len(sent) >= lengths[0]
        sent = sent[lengths[0] :]
        yield status


class Log(logging.Handler):
    """Everything that is logged as an error, or that the loop has to handle."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[object] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(record.getMessage())


async def quiet(transport: FakeTransport) -> None:
    """Let the loop run until nothing is sent any more."""
    before, turns = -1, 0
    while turns < 20:
        turns = turns + 1 if len(transport.sent) == before else 0
        before = len(transport.sent)
        await asyncio.sleep(0)


async def turns(transport: FakeTransport, connection: Http1Connection) -> None:
    """Let the loop run until the connection has nothing more to do."""
    for _ in range(10_000):
        await asyncio.sleep(0)
        if transport.closing or (not transport.paused and connection._current is None):
            return
    raise AssertionError("the connection hangs")


async def drive(pieces: list[bytes], limits: Limits = LOOSE) -> Seen:
    """Feed pieces to a connection, and let the client leave once everything is answered."""
    served: list[tuple[str, str, bytes]] = []

    async def handler(request: Request) -> Response:
        answer = await echo(request)
        served.append((request.method, request.raw_target, await answer.read()))
        return answer

    log = Log()
    logging.getLogger().addHandler(log)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: log.errors.append(context))
    roster = Roster(limits)
    transport = FakeTransport()
    connection = Http1Connection(Listener(Scripted(handler), roster), cast("asyncio.Transport", transport), "192.0.2.1")
    transport.protocol = connection
    roster.admit(connection)
    connection.begin()
    for number, piece in enumerate(pieces):
        if transport.paused:
            await turns(transport, connection)
        if transport.closing:
            break
        connection.data_received(piece)
        if number % 3:
            await asyncio.sleep(0)
    await quiet(transport)
    unfinished = connection._current is not None
    closed = transport.closing
    sent = bytes(transport.sent)
    transport.close()
    await quiet(transport)
    logging.getLogger().removeHandler(log)
    assert (log.errors, len(roster), len(roster.working), len(asyncio.all_tasks())) == ([], 0, 0, 1)
    assert not (unfinished and closed)
    return Seen(sent, served, closed)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return data in pieces that end at these places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


many_places = st.lists(st.integers(0, 5000), min_size=10, max_size=60)
places = st.lists(st.integers(0, 5000), max_size=30)
tokens = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
values = st.text("abc XYZ,;=\"'\t/:", max_size=20).map(lambda text: text.strip(" \t"))
fields = st.lists(st.tuples(tokens.map("x-{}".format), values), max_size=5)
paths = st.text("abcXYZ019-._~%/?&=".replace("%", ""), max_size=20).map("/{}".format)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
blocks = st.lists(st.binary(min_size=1, max_size=60), max_size=4)
extensions = st.sampled_from([b"", b";a", b";a=b", b';a="b c"'])
trailers = st.sampled_from([b"", b"X-Trailer: 1\r\n"])
upgrades = st.sampled_from([b"", b"", b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])


rarities = st.sampled_from(
    [b"", b"", b"", b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Connection: keep-alive, x\r\n"]
)


@st.composite
def requests(draw: st.DrawFn, *, rare: bool = False) -> bytes:
    """One request in form; a rare one may end the connection, or wait with its body."""
    head = f"{draw(methods)} {draw(paths)} HTTP/1.1\r\nHost: h\r\n".encode()
    head += b"".join(f"{name}: {value}\r\n".encode() for name, value in draw(fields))
    head += draw(upgrades) + (draw(rarities) if rare else b"")
    kind = draw(st.sampled_from(["none", "length", "chunks"]))
    if kind == "none":
        return head + b"\r\n"
    body = draw(blocks)
    if kind == "length":
        whole = b"".join(body)
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(whole), whole)
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(block), draw(extensions), block) for block in body)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + draw(trailers) + b"\r\n"


streams = st.lists(requests(), min_size=1, max_size=4).map(b"".join)
long_streams = st.lists(requests(), min_size=5, max_size=25).map(b"".join)
rare_streams = st.lists(requests(rare=True), min_size=1, max_size=4).map(b"".join)
bad = st.sampled_from(
    [
        *(data for table in (LENGTHS, CODINGS, FIELDS, HOSTS, LINES) for data in table.values()),
        *(message(b"Host: h", b"Transfer-Encoding: chunked", body=data) for data in CHUNKS.values()),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Requests of which some bytes were changed, lost, doubled or moved."""
    data = bytearray(draw(rare_streams))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 8))
        kind = draw(st.sampled_from(["replace", "drop", "double", "insert", "move"]))
        piece = bytes(data[start:end])
        if kind == "replace":
            data[start:end] = draw(st.binary(max_size=4))
        elif kind == "drop":
            del data[start:end]
        elif kind == "double":
            data[start:start] = piece
        elif kind == "insert":
            data[start:start] = draw(
                st.sampled_from([b"\r", b"\n", b"\0", b" ", b":", b"\r\n", b"\xff", b"0", b"\r\n\r\n"])
            )
        else:
            del data[start:end]
            data[0:0] = piece
    return bytes(data)


def by_h11(data: bytes) -> list[tuple[str, str, bytes]]:
    """Return the requests that another reader finds, as far as it gets."""
    found: list[tuple[str, str, bytes]] = []
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(data)
    try:
        while True:
            event = reader.next_event()
            if not isinstance(event, h11.Request):
                return found
            body = b""
            while isinstance(part := reader.next_event(), h11.Data):
                body += bytes(part.data)
            if not isinstance(part, h11.EndOfMessage):
                return found
            found.append((event.method.decode(), event.target.decode(), body))
            reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            reader.send(h11.EndOfMessage())
            reader.start_next_cycle()
    except h11.ProtocolError:
        return found


@bounded
@given(long_streams, many_places)
def test_requests_in_form_are_answered_alike_in_any_pieces(data: bytes, places: list[int]) -> None:
    whole, pieces = asyncio.run(drive([data], TIGHT)), asyncio.run(drive(cut(data, places), TIGHT))
    assert set(whole.statuses) == {200}
    assert (whole.served, _DATE.sub(b"", whole.sent)) == (pieces.served, _DATE.sub(b"", pieces.sent))


@bounded
@given(rare_streams)
def test_requests_in_form_are_what_another_reader_takes_them_for(data: bytes) -> None:
    assert asyncio.run(drive([data])).served == by_h11(data)


@bounded
@given(mutated(), places)
def test_what_is_out_of_form_upsets_nothing(data: bytes, places: list[int]) -> None:
    seen = asyncio.run(drive(cut(data, places)))
    assert set(seen.statuses) <= {200, 400, 413, 414, 417, 431, 505}
    assert not seen.closed or seen.sent


@bounded
@given(mutated(), places)
def test_what_is_out_of_form_is_answered_alike_in_any_pieces(data: bytes, places: list[int]) -> None:
    whole, pieces = asyncio.run(drive([data])), asyncio.run(drive(cut(data, places)))
    assert (whole.statuses, whole.served) == (pieces.statuses, pieces.served)


@bounded
@given(mutated())
def test_another_reader_finds_no_other_requests_in_what_is_out_of_form(data: bytes) -> None:
    ours, theirs = asyncio.run(drive([data])).served, by_h11(data)
    both = min(len(ours), len(theirs))
    assert ours[:both] == theirs[:both]


@bounded
@given(st.binary(max_size=300), places)
@example(b"GET *\n\r\n", [])  # a request line of HTTP/0.9
def test_noise_is_refused_or_waited_for(data: bytes, places: list[int]) -> None:
    seen = asyncio.run(drive(cut(data, places)))
    assert (seen.served, seen.statuses in ([], [400], [505])) == ([], True)


@bounded
@given(bad, places)
def test_what_is_refused_is_refused_in_any_pieces(data: bytes, places: list[int]) -> None:
    seen = asyncio.run(drive(cut(data + b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", places)))
    assert (seen.statuses, seen.closed, seen.served) == ([400], True, [])


async def over_a_socket(pieces: list[bytes]) -> bytes:
    """Send pieces to a real listener, and return what it answers to them and to a last good request."""
    loop, errors = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    async with listening(Scripted()) as server:
        client, other = await Client.to(server.port), await Client.to(server.port)
        for piece in pieces:
            await client.send(piece)
            await asyncio.sleep(0)
        await client.send(b"\r\n\r\n\xff")
        received = await client.rest()
        answer = await other.ask(b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
        client.close()
        other.close()
    assert (answer.status, errors) == (200, [])
    return received


@fewer
@given(streams, places)
def test_requests_over_a_socket_are_answered_whole(data: bytes, places: list[int]) -> None:
    received = uvloop.run(over_a_socket(cut(data, places)))
    *good, last = _statuses(received)
    assert (set(good), last) == ({200}, 400)
