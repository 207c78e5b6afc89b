"""Which fields of an answer go out, and what may not be among them."""

from collections.abc import AsyncIterator
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Headers, Response
from phasegate.errors import ResponseCut
from phasegate.http.headers import RawHeaders
from phasegate.http.hygiene import HOP_BY_HOP
from phasegate.server.http1.head import head_of
from phasegate.server.outgoing import final_headers

NAMES = (b"date", b"server", b"content-length", b"connection", b"te", b"set-cookie", b"x-a")
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b"", b"1", b"2"])))
BREAKING = b"\r\n\0"
VALUES = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"\0", b": ", b"a", b"\xff"])).map(b"".join), max_size=4)


def answer(raw: RawHeaders, body: bytes = b"") -> Response:
    return Response(200, Headers.from_raw(raw), body)


async def blocks() -> AsyncIterator[bytes]:
    yield b"abc"


def values(fields: RawHeaders, wanted: bytes) -> list[bytes]:
    return [value for name, value in fields if name == wanted]


@given(FIELDS)
def test_what_is_not_the_connections_or_ours_goes_out_as_it_is_and_in_its_order(raw: RawHeaders) -> None:
    ours = {b"date", b"server", b"content-length", *HOP_BY_HOP}
    kept = [field for field in raw if field[0] not in ours]
    found = final_headers(answer(raw), "GET")
    assert found[: len(kept)] == kept
    assert {name for name, _ in found[len(kept) :]} <= {b"date", b"server", b"content-length"}


@given(FIELDS)
def test_there_is_one_date_one_server_the_first_and_one_true_length(raw: RawHeaders) -> None:
    found = final_headers(answer(raw, b"abc"), "GET")
    dates = values(raw, b"date")
    assert len(values(found, b"date")) == 1
    assert not dates or not dates[0] or values(found, b"date") == dates[:1]
    assert values(found, b"server") == values(raw, b"server")[:1]
    assert values(found, b"content-length") == [b"3"]


@given(FIELDS)
def test_the_fields_of_an_answer_are_a_list_of_their_own(raw: RawHeaders) -> None:
    former = [*raw]
    final_headers(answer(raw), "GET").append((b"x-b", b""))
    assert raw == former


@given(VALUES, VALUES)
def test_a_head_holds_no_byte_that_would_end_it(names: list[bytes], contents: list[bytes]) -> None:
    raw = list(zip(names, contents, strict=False))
    if any(set(BREAKING) & {*name, *value} for name, value in raw):
        with pytest.raises(ResponseCut):
            head_of(answer(raw), "GET")
    else:
        lines = head_of(answer(raw), "GET").split(b"\r\n")
        assert lines[1 : 1 + len(raw)] == [name + b": " + value for name, value in raw]
        assert lines[-2:] == [b"", b""]


@given(
    FIELDS,
    st.sampled_from([b"", b"abc", None]),
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from([200, 204, 299, 304, 503]),
)
def test_a_head_says_the_final_fields(raw: RawHeaders, body: bytes | None, method: str, status: int) -> None:
    response = Response(status, Headers.from_raw(raw), blocks() if body is None else body)
    with mock.patch("time.time", return_value=0.0):
        lines = head_of(response, method, body=b"rest").split(b"\r\n")
        fields = final_headers(response, method)
    assert lines[1:] == [*(name + b": " + value for name, value in fields), b"", b"rest"]


@pytest.mark.parametrize(
    ("option", "said"), [(b"", []), (b"close", [b"connection: close"]), (b"keep-alive", [b"connection: keep-alive"])]
)
def test_a_head_says_of_the_connection_what_it_is_told_to(option: bytes, said: list[bytes]) -> None:
    lines = head_of(answer([(b"connection", b"x-a")]), "GET", option).split(b"\r\n")
    assert [line for line in lines if line.startswith(b"connection")] == said
