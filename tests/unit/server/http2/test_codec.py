"""Our encoder and decoder of HPACK against hpack's own."""

from typing import NamedTuple

import pytest
from hpack import Decoder, Encoder, HeaderTuple, HPACKError, NeverIndexedHeaderTuple, OversizedHeaderListError
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.server.http2.codec import KeepingDecoder, PlainEncoder

Fields = list[tuple[bytes, bytes]]

NAMES = st.one_of(
    st.sampled_from(
        [b":status", b"content-type", b"date", b"cookie", b"authorization", b"set-cookie", b"x-a", b"www-authenticate"]
    ),
    st.binary(max_size=40),
    st.binary(min_size=120, max_size=300),
)
VALUES = st.one_of(
    st.sampled_from([b"", b"200", b"404", b"201", b"text/plain"]),
    st.binary(max_size=40),
    st.integers(120, 400).map(lambda size: b"v" * size),
    st.integers(16_000, 17_000).map(lambda size: b"v" * size),
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
_MOST = 1 << 20


def decoded(decoder: Decoder, block: bytes) -> Fields:
    """Return what hpack makes of a block."""
    return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]


def kept(decoder: KeepingDecoder, block: bytes) -> Fields:
    """Return what our decoder keeps of a block."""
    assert decoder.decode(block, raw=True) == []
    return decoder.block.fields


@given(st.lists(FIELDS, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_what_is_encoded_is_what_hpack_decodes(blocks: list[Fields]) -> None:
    encoder, decoder = PlainEncoder(), Decoder(max_header_list_size=_MOST)
    for fields in blocks:
        assert decoded(decoder, encoder.encode(fields)) == fields


@given(FIELDS)
@settings(max_examples=50, deadline=None)
def test_the_encoder_needs_no_table(fields: Fields) -> None:
    encoder, decoder = PlainEncoder(), Decoder(max_header_list_size=_MOST)
    decoder.max_allowed_table_size = 0
    assert decoded(decoder, encoder.encode(fields)) == fields
    assert not decoder.header_table.dynamic_entries


@pytest.mark.parametrize("name", [b"authorization", b"cookie", b"set-cookie", b"proxy-authorization"])
def test_a_sensitive_field_is_never_indexed(name: bytes) -> None:
    [field] = Decoder().decode(PlainEncoder().encode([(name, b"secret")]), raw=True)
    assert isinstance(field, NeverIndexedHeaderTuple)


@pytest.mark.parametrize("status", [200, 204, 206, 304, 400, 404, 500])
def test_a_common_status_is_one_byte(status: int) -> None:
    encoder = PlainEncoder()
    encoder.encode([])
    assert len(encoder.encode([(b":status", b"%d" % status)])) == 1


class Turn(NamedTuple):
    """One block of a client's: its fields, and what it does to its table before."""

    fields: Fields
    resize: int | None
    huffman: bool
    sensitive: bool


SOME_FIELDS = st.lists(
    st.tuples(st.sampled_from([b":path", b"x-a", b"x-b", b"cookie"]), st.sampled_from([b"/", b"1", b"2", b"v" * 100])),
    max_size=4,
)
TURNS = st.lists(
    st.builds(
        Turn,
        SOME_FIELDS,
        st.one_of(st.none(), st.none(), st.sampled_from([0, 40, 100, 4096])),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@given(TURNS)
@settings(max_examples=200, deadline=None)
def test_the_decoder_keeps_what_hpack_decodes(turns: list[Turn]) -> None:
    encoder, theirs, ours = Encoder(), Decoder(), KeepingDecoder(_MOST)
    for turn in turns:
        if turn.resize is not None:
            encoder.header_table_size = turn.resize
        fields = [HeaderTuple(*field) for field in turn.fields]
        if turn.sensitive:
            fields = [NeverIndexedHeaderTuple(*field) for field in turn.fields]
        block = encoder.encode(fields, huffman=turn.huffman)
        assert kept(ours, block) == decoded(theirs, block) == turn.fields


# Pieces of blocks: what is indexed, what is added, what is looked up, and changes of the table's size.
PIECES = [
    b"\x82",
    b"\x84",
    b"\x40\x01a\x011",
    b"\x40\x01b\x012",
    b"\x00\x01c\x013",
    b"\x10\x01d\x014",
    b"\xbe",
    b"\xbf",
    b"\xc0",
    b"\x7e\x015",
    b"\x0f\x2f\x016",
]
SIZES = [b"", b"", b"", b"\x20", b"\x3f\x09", b"\x3f\x23", b"\x3f\xe1\x1f", b"\x20\x3f\xe1\x1f"]
BLOCK = st.tuples(st.sampled_from(SIZES), st.lists(st.sampled_from(PIECES), max_size=3)).map(
    lambda block: block[0] + b"".join(block[1])
)
# Few blocks, each of them often.
BLOCKS = st.lists(BLOCK, min_size=1, max_size=4).flatmap(lambda pool: st.lists(st.sampled_from(pool), max_size=15))


@given(BLOCKS)
@settings(max_examples=200, deadline=None)
def test_the_decoder_agrees_with_hpack_on_blocks_that_no_encoder_makes(blocks: list[bytes]) -> None:
    theirs, ours = Decoder(), KeepingDecoder(_MOST)
    for block in [b"\x40\x01x\x017\x40\x01y\x018\x40\x01z\x019", *blocks]:
        try:
            expected = decoded(theirs, block)
        except HPACKError as error:
            with pytest.raises(type(error)):
                ours.decode(block, raw=True)
            return
        assert kept(ours, block) == expected


@given(st.lists(st.binary(max_size=30), max_size=6))
@settings(max_examples=200, deadline=None)
def test_the_decoder_raises_nothing_but_hpacks_errors(blocks: list[bytes]) -> None:
    decoder = KeepingDecoder(_MOST)
    try:
        for block in blocks:
            decoder.decode(block, raw=True)
    except HPACKError:
        pass


def test_a_block_that_adds_to_the_table_adds_every_time() -> None:
    decoder = KeepingDecoder(_MOST)
    for block in (b"\x40\x01a\x011", b"\x40\x01b\x012", b"\x40\x01b\x012"):
        decoder.decode(block)
    assert kept(decoder, b"\xbe\xbf\xc0") == [(b"b", b"2"), (b"b", b"2"), (b"a", b"1")]


def test_the_same_bytes_mean_something_else_once_the_table_has_changed() -> None:
    decoder = KeepingDecoder(_MOST)
    decoder.decode(b"\x40\x01a\x011")
    assert kept(decoder, b"\xbe") == kept(decoder, b"\xbe") == [(b"a", b"1")]
    decoder.decode(b"\x40\x01b\x012")
    assert kept(decoder, b"\xbe") == [(b"b", b"2")]


@pytest.mark.parametrize("resize", [b"\x20", b"\x20\x3f\xe1\x1f", b"\x20\x82"])
def test_the_same_bytes_mean_nothing_once_the_table_was_emptied(resize: bytes) -> None:
    decoder = KeepingDecoder(_MOST)
    for block in (b"\x40\x01a\x011", b"\xbe", b"\xbe", resize):
        decoder.decode(block)
    with pytest.raises(HPACKError):
        decoder.decode(b"\xbe")


def test_a_block_that_is_known_is_the_same_block() -> None:
    decoder = KeepingDecoder(_MOST)
    decoder.decode(b"\x82\x84")
    first = decoder.block
    decoder.decode(b"\x82\x84")
    assert decoder.block is first


def test_a_list_that_is_too_large_is_refused() -> None:
    decoder = KeepingDecoder(100)
    decoder.decode(b"\x82\x84")
    with pytest.raises(OversizedHeaderListError):
        decoder.decode(b"\x82\x84\x82")


def test_few_blocks_are_remembered() -> None:
    decoder = KeepingDecoder(_MOST)
    for number in range(1000):
        decoder.decode(b"\x00\x01a\x03%03d" % number)
    assert len(decoder._known) <= 16
