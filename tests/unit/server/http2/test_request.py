"""What a header block says, as a request or as none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.errors import RequestError
from phasegate.server.http2.codec import Block
from phasegate.server.http2.request import MalformedBlock, Opening, judge_trailers, opening_of

Fields = list[tuple[bytes, bytes]]

PSEUDO = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"h.test"), (b":path", b"/")]


def opening(*fields: tuple[bytes, bytes]) -> Opening:
    """Return what a request with these fields says."""
    return opening_of(Block([*PSEUDO, *fields]))


def test_an_authority_is_the_host() -> None:
    head = opening((b"x", b"1"), (b"host", b"h.test")).head
    assert not isinstance(head, RequestError)
    assert (head.host, head.port, head.fields) == ("h.test", None, [(b"host", b"h.test"), (b"x", b"1")])


def test_the_size_counts_every_byte_of_every_field() -> None:
    before = opening()
    after = opening((b"name", b"value"))
    assert (after.size - before.size, after.field_count - before.field_count) == (9, 1)


def test_the_crumbs_of_a_cookie_are_one_field() -> None:
    before, after = opening((b"cookie", b"a=1")), opening(*((b"cookie", b"a=1") for _ in range(200)))
    assert after.field_count == before.field_count


@pytest.mark.parametrize(("text", "length"), [(b"0", 0), (b"17", 17), (b"007", 7)])
def test_a_length_is_a_number(text: bytes, length: int) -> None:
    assert opening((b"content-length", text)).length == length


@pytest.mark.parametrize("text", [b"", b"-1", b"+1", b"1 ", b"1.0", b"0x1", b"1,1", "\u0661".encode(), b"1" * 20])
def test_what_is_no_number_is_no_length(text: bytes) -> None:
    with pytest.raises(MalformedBlock):
        opening((b"content-length", text))


@pytest.mark.parametrize(
    ("value", "expects"), [(b"100-continue", True), (b"100-Continue", True), (b"200-ok", False), (b"", False)]
)
def test_a_client_that_waits_says_so(value: bytes, expects: bool) -> None:
    assert opening((b"expect", value)).expects_continue is expects


def test_a_block_is_judged_once() -> None:
    block = Block(list(PSEUDO))
    assert opening_of(block) is opening_of(block)


NAMES = st.one_of(
    st.sampled_from([b":method", b":path", b":scheme", b":authority", b":status", b":", b"host", b"te", b"x", b"X"]),
    st.sampled_from([b"content-length", b"connection", b"cookie", b"expect", b"a\nb", b"x\n", b"", b"\xff"]),
    st.binary(max_size=3),
)
VALUES = st.one_of(
    st.sampled_from(
        [b"GET", b"/", b"http", b"h.test", b"1", b"trailers", b" a", b"a\n", b"a\nb", b"", b"\0", b"CONNECT"]
    ),
    st.binary(max_size=3),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_fields_are_a_request_or_none(fields: Fields, begun: bool) -> None:
    try:
        found = opening_of(Block([*PSEUDO, *fields] if begun else fields))
    except MalformedBlock:
        return
    assert isinstance(found, Opening)
    if not isinstance(found.head, RequestError):
        assert all(b"\n" not in name + value and name == name.lower() for name, value in found.head.fields)
        assert [name for name, _ in found.head.fields].count(b"host") == 1


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_fields_are_trailers_or_none(fields: Fields) -> None:
    try:
        judge_trailers(fields)
    except MalformedBlock:
        return
    assert not any(name.startswith(b":") or name != name.lower() or b"\n" in name + value for name, value in fields)
