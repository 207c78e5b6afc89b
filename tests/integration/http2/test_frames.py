"""Preface, frames and header blocks, and what breaks their rules (RFC 9113 sections 3.4 to 4.3, 5.5 and 6.10)."""

import asyncio
import ssl

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, HeadersFrame, PingFrame, PriorityFrame, PushPromiseFrame, SettingsFrame

from phasegate.settings import TLS
from tests.http2_client import PREFACE, Act, Client, Connect, Listen, data, head, raw
from tests.listening import Listening
from tests.wire import talk

PROTOCOL_ERROR, FRAME_SIZE_ERROR = ErrorCodes.PROTOCOL_ERROR, ErrorCodes.FRAME_SIZE_ERROR
LARGEST_FRAME = 16_384
ACK = SettingsFrame(0, flags=["ACK"])


async def test_a_connection_begins_with_our_settings_and_their_acknowledgement(client: Client) -> None:
    await client.until(lambda: client.greeted and client.acknowledged == 1)
    assert client.settings[3] == 100
    assert client.settings.get(2, 0) == 0


@pytest.mark.parametrize("split", [1, 23, 24, 30])
async def test_the_preface_may_come_in_parts(server: Listening, connect: Connect, split: int) -> None:
    client = await connect(server, greets=False)
    greeting = PREFACE + SettingsFrame(0).serialize()
    client.send(greeting[:split])
    await asyncio.sleep(0.01)
    client.send(greeting[split:])
    assert (await client.get(1)).status == 200


async def test_a_preface_that_is_none_is_not_answered_in_http2(server: Listening) -> None:
    assert (await talk(server.port, PREFACE[:-4] + b"XX\r\n\r\n")).startswith(b"HTTP/1.1 ")


async def test_a_preface_that_is_none_ends_a_connection_of_alpn(
    listen: Listen, connect: Connect, certificate: TLS, trust: ssl.SSLContext
) -> None:
    server = await listen(tls=certificate)
    trust.set_alpn_protocols(["h2"])
    client = await connect(server, context=trust, greets=False)
    client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
    await client.until(lambda: bool(client.goaways))
    assert client.goaways[0].error_code == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "first",
    [PingFrame(0), ACK, raw(0x16), PriorityFrame(1, stream_weight=1), HeadersFrame(1, b"\x82", flags=["END_HEADERS"])],
    ids=lambda frame: type(frame).__name__,
)
async def test_a_first_frame_that_is_no_settings_ends_the_connection(
    server: Listening, connect: Connect, first: bytes
) -> None:
    client = await connect(server, greets=False)
    client.send(PREFACE, first)
    assert await client.end() is PROTOCOL_ERROR


@pytest.mark.parametrize(
    "ignored",
    [
        raw(0x16, b"anything"),
        raw(0x16, b"anything", stream=1, flags=0xFF),
        raw(0xFF, bytes(LARGEST_FRAME), stream=2),
        raw(0x0A),
        raw(0x0A, b"\xff\xff", stream=1),
        raw(0x0C, b"\0"),
        raw(0x10, b"\0\0\0\1u=1"),
    ],
    ids=["unknown", "on a stream", "large", "ALTSVC", "ALTSVC cut short", "ORIGIN", "PRIORITY_UPDATE"],
)
async def test_kinds_that_nobody_knows_are_ignored(client: Client, ignored: bytes) -> None:
    client.send(ignored)
    assert (await client.get(1)).status == 200
    client.send(ignored)
    assert (await client.get(3)).status == 200


async def test_flags_that_nobody_knows_are_ignored(client: Client) -> None:
    frame = client.headers(1)
    client.send(raw(6, b"8 bytes.", flags=0xFE), raw(1, frame.data, flags=0x05 | 0x52, stream=1))
    assert (await client.answer()).status == 200
    assert client.pongs == [b"8 bytes."]


async def test_the_reserved_bit_is_ignored(client: Client) -> None:
    frame = client.headers(1)
    client.send(raw(6, b"8 bytes.", stream=1 << 31), raw(1, frame.data, flags=0x05, stream=1 << 31 | 1))
    assert (await client.answer()).status == 200
    assert client.pongs == [b"8 bytes."]


async def test_a_frame_of_the_largest_size_is_taken(client: Client) -> None:
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"x" * LARGEST_FRAME, end=True))
    assert (await client.answer()).body == b"x" * LARGEST_FRAME


TOO_LARGE: dict[str, Act] = {
    "DATA": lambda client: [client.headers(1, end=False), data(1, bytes(LARGEST_FRAME + 1))],
    "HEADERS": lambda client: [raw(1, bytes(LARGEST_FRAME + 1), flags=5, stream=1)],
    "SETTINGS": lambda client: [raw(4, b"\0\1\0\0\0\1" * 2731)],
    "unknown": lambda client: [raw(0x16, bytes(LARGEST_FRAME + 1))],
    "CONTINUATION": lambda client: [client.headers(1, whole=False), raw(9, bytes(LARGEST_FRAME + 1), stream=1)],
    "the head of the largest": lambda client: [b"\xff\xff\xff" + raw(0x16)[3:]],
}


@pytest.mark.parametrize("act", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_frame_that_is_too_large_ends_the_connection(client: Client, act: Act) -> None:
    client.send(*act(client))
    assert await client.end() is FRAME_SIZE_ERROR


def pieces(client: Client, size: int) -> list[HeadersFrame | ContinuationFrame]:
    """Return a request's header block in frames of so many bytes."""
    first = client.headers(1, head("/pieces", [("x-long", "y" * 200)]), whole=False)
    block = first.data
    rest = [ContinuationFrame(1, block[place : place + size]) for place in range(size, len(block), size)]
    first.data = block[:size]
    rest[-1].flags.add("END_HEADERS")
    return [first, *rest]


@pytest.mark.parametrize("size", [10, 100])
async def test_a_header_block_may_come_in_pieces(client: Client, server: Listening, size: int) -> None:
    client.send(*pieces(client, size))
    assert (await client.answer()).status == 200
    assert server.application.requests[0].headers.get("x-long") == "y" * 200


async def test_a_header_block_may_begin_and_end_in_empty_frames(client: Client) -> None:
    whole = client.headers(1)
    client.send(
        HeadersFrame(1, b"", flags=["END_STREAM"]),
        ContinuationFrame(1, whole.data),
        ContinuationFrame(1, b"", flags=["END_HEADERS"]),
    )
    assert (await client.answer()).status == 200


INTERRUPTIONS: dict[str, Act] = {
    "PRIORITY": lambda client: [PriorityFrame(1)],
    "PING": lambda client: [PingFrame(0)],
    "SETTINGS": lambda client: [SettingsFrame(0)],
    "DATA": lambda client: [data(1, b"x")],
    "HEADERS": lambda client: [client.headers(3)],
    "HEADERS of the same stream": lambda client: [client.headers(1)],
    "unknown": lambda client: [raw(0x16, b"anything")],
    "CONTINUATION of another stream": lambda client: [ContinuationFrame(3, b"", flags=["END_HEADERS"])],
    "WINDOW_UPDATE": lambda client: [raw(8, b"\0\0\0\1")],
    "GOAWAY": lambda client: [raw(7, bytes(8))],
    "RST_STREAM": lambda client: [raw(3, bytes(4), stream=1)],
    "PUSH_PROMISE": lambda client: [PushPromiseFrame(1, 2, b"\x82", flags=["END_HEADERS"])],
}


@pytest.mark.parametrize("act", INTERRUPTIONS.values(), ids=INTERRUPTIONS)
async def test_an_interrupted_header_block_ends_the_connection(client: Client, act: Act) -> None:
    client.send(client.headers(1, whole=False), *act(client))
    assert await client.end() is PROTOCOL_ERROR


LONELY: dict[str, Act] = {
    "on an idle stream": lambda client: [ContinuationFrame(1, b"", flags=["END_HEADERS"])],
    "on the connection": lambda client: [client.headers(1, whole=False), raw(9, b"", flags=4)],
    "on the connection alone": lambda client: [raw(9, b"", flags=4)],
    "after HEADERS that are whole": lambda client: [client.headers(1, end=False), ContinuationFrame(1, b"\x82")],
    "after a block that is whole": lambda client: [*pieces(client, 100), ContinuationFrame(1, b"\x82")],
    "after DATA": lambda client: [
        client.headers(1, head(method="POST"), end=False),
        data(1, b"x" * 16),
        ContinuationFrame(1, b"", flags=["END_HEADERS"]),
    ],
}


@pytest.mark.parametrize("act", LONELY.values(), ids=LONELY)
async def test_continuation_without_beginning_ends_the_connection(client: Client, act: Act) -> None:
    client.send(*act(client))
    assert await client.end() is PROTOCOL_ERROR


BLOCKS = {
    "index 0": b"\x80",
    "an index past the table": b"\xff\x00",
    "a name past the table": b"\x7f\x00\x01x",
    "a name that breaks off": b"\x40\x0aabc",
    "a value that breaks off": b"\x40\x01a\x05b",
    "an integer that breaks off": b"\xff\xff",
    "a huge integer": b"\xff" + b"\xff" * 100 + b"\x01",
    "a length beyond all": b"\x40\x7f\xff\xff\xff\xff\x0fa",
    "a table larger than it may be": b"\x3f\xe2\x1f",
    "a table resized behind a field": b"\x82\x20",
    "huffman padding of more than 7 bits": b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
    "huffman padding of zeros": b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",
    "the huffman code of the end": b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
async def test_a_block_that_can_not_be_decoded_ends_the_connection(client: Client, block: bytes) -> None:
    client.send(client.block(1, block))
    assert await client.end() is ErrorCodes.COMPRESSION_ERROR


async def test_a_block_that_grows_beyond_all_measure_ends_the_connection(client: Client) -> None:
    bomb = b"\x40\x01a\x7f\xb0\x1e" + b"x" * 4015 + b"\xbe" * 16_000
    client.send(raw(1, bomb[:LARGEST_FRAME], flags=1, stream=1), raw(9, bomb[LARGEST_FRAME:], flags=4, stream=1))
    assert await client.end() is ErrorCodes.ENHANCE_YOUR_CALM


async def test_goaway_names_the_last_stream(client: Client) -> None:
    await client.get(1)
    await client.get(5)
    client.send(raw(9, stream=1))
    await client.end()
    assert client.goaways[-1].last_stream_id == 5


async def test_an_answer_before_the_fault_is_not_lost(client: Client) -> None:
    await client.get(1)
    client.send(PingFrame(0, b"answered"), raw(6, b"7 bytes", stream=0))
    await client.end()
    assert client.pongs == [b"answered"]
