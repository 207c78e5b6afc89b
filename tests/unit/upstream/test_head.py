"""Heads of answers: the short way by which most are judged comes to the same as a close look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.errors import MalformedResponse
from phasegate.http.hygiene import without_hop_by_hop
from phasegate.upstream.head import judge_head

LENGTH, COOKIE = (b"content-length", b"2"), (b"set-cookie", b"a=b")
KEPT, CLOSED = (b"connection", b"keep-alive"), (b"connection", b"close")

FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"content-length", b"connection", b"keep-alive", b"set-cookie", b"x-a", b"upgrade"]),
        st.sampled_from([b"", b"2", b"close", b"keep-alive", b"Close", b"x-a", b"close, x-a", b"content-length"]),
    )
)


@given(FIELDS)
def test_what_is_of_the_connection_never_passes(fields: list[tuple[bytes, bytes]]) -> None:
    framed, passing = judge_head(200, "1.1", [*fields])
    assert passing == without_hop_by_hop(fields)
    assert framed == any(name == b"content-length" for name, _ in fields)


@pytest.mark.parametrize(
    "fields",
    [
        [LENGTH, KEPT],
        [KEPT, LENGTH, CLOSED],
        [LENGTH, COOKIE, COOKIE, CLOSED],
        [COOKIE, (b"connection", b"x-a"), LENGTH, (b"x-a", b"1")],
    ],
)
def test_fields_that_go_on_stay_in_their_order(fields: list[tuple[bytes, bytes]]) -> None:
    _, passing = judge_head(200, "1.1", [*fields])
    assert passing == [field for field in fields if field in (LENGTH, COOKIE)]


@pytest.mark.parametrize(
    ("status", "version", "field"),
    [
        (199, "1.1", LENGTH),
        (600, "1.1", LENGTH),
        (200, "1.2", LENGTH),
        (200, "1.1", (b"transfer-encoding", b"gzip, chunked")),
        (200, "1.0", (b"transfer-encoding", b"chunked")),
    ],
)
def test_what_no_answer_can_have(status: int, version: str, field: tuple[bytes, bytes]) -> None:
    with pytest.raises(MalformedResponse):
        judge_head(status, version, [LENGTH, field])
