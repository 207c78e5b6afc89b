"""The binary framing of event streams, with botocore as the other reader."""

from __future__ import annotations

import struct
from itertools import pairwise
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from phasegate_aws_lambda.event_stream import BrokenStream, Decoder, Message

HEADERS = {":event-type": "PayloadChunk", ":message-type": "event", ":content-type": "application/octet-stream"}


def encoded(headers: dict[str, str], payload: bytes, odd: bytes = b"") -> bytes:
    """Return a message; `odd` are headers of other types, encoded already."""
    block = odd + b"".join(
        bytes([len(name.encode())]) + name.encode() + b"\x07" + struct.pack("!H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack("!I", crc32(prelude)) + block + payload
    return message + struct.pack("!I", crc32(message))


def decoded(*blocks: bytes) -> list[Message]:
    decoder = Decoder()
    found = [message for block in blocks for message in decoder.feed(block)]
    assert decoder.empty
    return found


messages = st.lists(
    st.tuples(
        st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=50), max_size=4), st.binary(max_size=300)
    ),
    max_size=5,
)


@given(messages, st.lists(st.integers(0, 3000)))
def test_messages_are_read_wherever_they_are_cut_as_botocore_reads_them(
    given_messages: list[tuple[dict[str, str], bytes]], cuts: list[int]
) -> None:
    data = b"".join(encoded(headers, payload) for headers, payload in given_messages)
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    ours = decoded(*(data[begin:end] for begin, end in pairwise(places)))
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    theirs = [(message.headers, message.payload) for message in buffer]
    assert [(message.headers, message.payload) for message in ours] == theirs == given_messages


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_change_of_a_byte_goes_unseen(place: int, change: int) -> None:
    data = bytearray(encoded(HEADERS, b"payload" * 10))
    data[place % len(data)] ^= change
    decoder = Decoder()
    with pytest.raises(BrokenStream):
        list(decoder.feed(bytes(data)))


def test_headers_of_other_types_are_passed_over() -> None:
    odd = b"".join(
        b"\x01" + name + kind + value
        for name, kind, value in [
            (b"a", b"\x00", b""),
            (b"b", b"\x01", b""),
            (b"c", b"\x02", b"x"),
            (b"d", b"\x03", b"xx"),
            (b"e", b"\x04", b"xxxx"),
            (b"f", b"\x05", b"x" * 8),
            (b"g", b"\x06", b"\x00\x02xx"),
            (b"h", b"\x08", b"x" * 8),
            (b"i", b"\x09", b"x" * 16),
        ]
    )
    assert decoded(encoded(HEADERS, b"p", odd)) == [Message(HEADERS, b"p")]


@pytest.mark.parametrize("odd", [b"\x01a\x0a", b"\x01a\x07\x00\xff", b"\x05a", b"\x01\xff\x07\x00\x00", b"\x01a\x03x"])
def test_headers_that_are_none_break_the_stream(odd: bytes) -> None:
    with pytest.raises(BrokenStream, match="headers"):
        decoded(encoded({}, b"", odd))


@pytest.mark.parametrize(
    ("size", "headers_size"), [(15, 0), (0, 0), (100, 90), ((24 << 20) + 1, 0), (1 << 20, 200_000)]
)
def test_sizes_that_none_can_have_break_the_stream_before_anything_is_kept(size: int, headers_size: int) -> None:
    prelude = struct.pack("!II", size, headers_size)
    with pytest.raises(BrokenStream, match="a message of"):
        list(Decoder().feed(prelude + struct.pack("!I", crc32(prelude))))
