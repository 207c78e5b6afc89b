"""The head of a streamed answer: found wherever the stream is cut, and what is no head is body."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Response
from phasegate.faas import MalformedAnswer
from phasegate_aws_lambda.codec.stream import HeadReader

HEAD = json.dumps({"statusCode": 201, "headers": {"Content-Type": "text/html", "x-a": "ü"}, "cookies": ["a=1", "b=2"]})
OCTETS = [("content-type", "application/octet-stream")]


def read(blocks: list[bytes], *, required: bool = False) -> tuple[Response, bytes]:
    """Return what is found, and the whole body."""
    reader = HeadReader(required=required, strict=False)
    left = list(blocks)
    while left:
        found = reader.feed(left.pop(0))
        if found is not None:
            return found[0], found[1] + b"".join(left)
    return reader.end()


@given(st.binary(max_size=100), st.lists(st.integers(0, 300)), st.booleans())
def test_a_head_is_found_wherever_it_is_cut(body: bytes, cuts: list[int], required: bool) -> None:
    data = HEAD.encode() + bytes(8) + body
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    response, found = read([data[begin:end] for begin, end in pairwise(places)], required=required)
    assert (response.status, found) == (201, body)
    assert response.headers.raw == [
        *((b"content-type", b"text/html"), (b"x-a", "ü".encode()), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
    ]


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_a_body_without_head_comes_whole(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)
    if whole.startswith(b"{") and bytes(8) in whole:
        return
    response, body = read(blocks)
    assert (response.status, list(response.headers), body) == (200, OCTETS, whole)


@pytest.mark.parametrize("first", [b"<p>", b"[1", b'{"a": 1}\n', b'{"a": 1} x', b" {}"])
def test_what_can_be_no_head_is_not_waited_for(first: bytes) -> None:
    found = HeadReader(required=False, strict=False).feed(first)
    assert found is not None
    assert found[1] == first


def test_a_beginning_that_never_becomes_a_head_is_body_after_16_kilobytes() -> None:
    reader = HeadReader(required=False, strict=False)
    assert reader.feed(b"{" + b"x" * 16_000) is None
    found = reader.feed(b"x" * 1000)
    assert found is not None
    assert len(found[1]) == 17_001


def test_a_head_has_defaults() -> None:
    response, body = read([b"{}" + bytes(8) + b"x"])
    assert (response.status, list(response.headers), body) == (200, OCTETS, b"x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"{}" + bytes(7),
        b"[]" + bytes(8),
        b"{" + bytes(8),
        b'{"statusCode": 99}' + bytes(8),
        b'{"statusCode": 101}' + bytes(8),
        b'{"headers": {"a b": ""}}' + bytes(8),
        b'{"headers": {"a": "b\\r\\nc: d"}}' + bytes(8),
        b"{" + b" " * 20_000 + b"}" + bytes(8),
    ],
)
def test_a_head_that_must_be_and_is_none_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read([data], required=True)


@pytest.mark.parametrize(
    "head",
    [
        b'{"statusCode": 99}',
        b'{"statusCode": %b}' % (b"9" * 5000),
        b'{"headers": {"a": 1%b}}' % (b"0" * 400),
        b'{"headers": {"a": "\\ud800"}}',
        b'{"headers": {"a": NaN}}',
        b'{"headers": %b1%b}' % (b'{"a":' * 2000, b"}" * 2000),
        b'{"headers": {"a": "%b"}}' % (b"x" * 20_000),
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_a_head_that_says_what_can_t_be_is_malformed_promised_or_not(head: bytes, required: bool) -> None:
    with pytest.raises(MalformedAnswer):
        read([head + bytes(8) + b"x"], required=required)


@pytest.mark.parametrize("required", [True, False])
def test_a_number_in_a_head_may_be_longer_than_any_machines(required: bool) -> None:
    response, _ = read([b'{"headers": {"a": 1%b}}' % (b"0" * 30) + bytes(8)], required=required)
    assert response.headers.get("a") == "1e+30"


def test_a_beginning_that_is_nested_deeply_is_waited_for_as_any_other() -> None:
    reader = HeadReader(required=False, strict=False)
    assert reader.feed(b'{"a":' * 3000) is None
