"""Heads: the short ways by which most are judged come to the same as a close look."""

import re
from contextlib import suppress

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import BadRequest, Body, Origin
from phasegate.errors import MalformedResponse
from phasegate.http.hygiene import without_hop_by_hop
from phasegate.upstream.answer_intake import AnswerIntake
from phasegate.upstream.call import Call, CallTimeouts
from phasegate.upstream.head import is_framed, judge_head, request_head
from phasegate.upstream.seen_names import NO_NAMES

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
    given_fields = [*fields]
    passing = judge_head(200, "1.1", given_fields)
    assert passing == without_hop_by_hop(fields)
    assert is_framed(given_fields) == any(name == b"content-length" for name, _ in fields)


class Intake(AnswerIntake):
    """Takes an answer in that nobody asked for."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1")
        self.begin_anew()

    def begin_anew(self) -> None:
        """Await an answer."""
        self.busy = self._in_head = True
        self.complete = False
        self._fed = 0
        self._parser = httptools.HttpResponseParser(self)

    def fail(self, error: Exception) -> None:
        raise error


@given(FIELDS, st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 599", b"HTTP/1.0 200 OK"]))
def test_an_answers_fields_are_those_of_a_close_look(fields: list[tuple[bytes, bytes]], line: bytes) -> None:
    fields = [field for field in fields if field[0] != b"content-length"] + [LENGTH]
    intake = Intake()
    intake.data_received(b"\r\n".join([line, *map(b": ".join, fields), b"\r\nok"]))
    assert intake.fields == without_hop_by_hop(fields)
    assert intake.complete


@given(st.lists(FIELDS, min_size=1, max_size=2), st.lists(st.tuples(st.integers(0, 1), st.booleans()), max_size=6))
def test_an_answer_is_judged_by_its_own_fields_whatever_came_before(
    heads: list[list[tuple[bytes, bytes]]], answers: list[tuple[int, bool]]
) -> None:
    intake = Intake()
    for which, is_closed in answers:
        fields = [field for field in heads[which % len(heads)] if field[0] != b"content-length"] + [LENGTH]
        if is_closed:
            # The same names with other values.
            fields = [CLOSED if field == KEPT else field for field in fields]
        intake.begin_anew()
        intake.data_received(b"\r\n".join([b"HTTP/1.1 200 OK", *map(b": ".join, fields), b"\r\nok"]))
        assert intake.fields == without_hop_by_hop(fields)


def test_names_come_in_lower_case_however_the_answer_before_spelled_them() -> None:
    intake = Intake()
    for name in (b"X-A", b"X-A", b"x-a", b"X-a"):
        intake.begin_anew()
        intake.data_received(b"HTTP/1.1 200 OK\r\n%b: 1\r\nContent-Length: 0\r\n\r\n" % name)
        assert intake.fields == [(b"x-a", b"1"), (b"content-length", b"0")]


@pytest.mark.parametrize("names", [[b"X-" + b"a" * 10_000], [b"x%d" % number for number in range(64)]])
def test_names_that_an_upstream_makes_up_are_not_remembered(names: list[bytes]) -> None:
    intake = Intake()
    made_up = b"".join(b"%b: 1\r\n" % name for name in names)
    intake.data_received(b"HTTP/1.1 200 OK\r\n%bContent-Length: 0\r\n\r\n" % made_up)
    assert intake._seen is NO_NAMES
    assert len(intake.fields) == len(names) + 1


@pytest.mark.parametrize("code", [*range(9), *range(10, 32), 127])
def test_a_value_does_not_end_in_what_is_no_text(code: int) -> None:
    with pytest.raises(MalformedResponse):
        Intake().data_received(b"HTTP/1.1 200 OK\r\nX: a%c\r\nContent-Length: 0\r\n\r\n" % code)


def test_blanks_around_a_value_are_none_of_it() -> None:
    intake = Intake()
    intake.data_received(b"HTTP/1.1 200 OK\r\nX: \t a b\xa0 \t \r\nY:  \r\nContent-Length: 0\r\n\r\n")
    assert intake.fields == [(b"x", b"a b\xa0"), (b"y", b""), (b"content-length", b"0")]


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
    passing = judge_head(200, "1.1", [*fields])
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


TIMEOUTS = CallTimeouts(connect=1.0, send=1.0, head=1.0, gap=1.0)
TARGET = re.compile(r"/[!\"$-~]*")
TARGETS = st.one_of(st.text(), st.text().map("/".__add__), st.text('/ab?#%~ !"\x7f\r\n\0\x1f\x80\xad', max_size=8))
LINES = st.lists(st.tuples(st.binary(), st.binary()) | st.tuples(st.just(b"x"), st.text("ab\r\n\0").map(str.encode)))


def sent(method: str, target: str, fields: list[tuple[bytes, bytes]]) -> bytes | None:
    """Return the head of a request, None where there is none."""
    body, origin = Body(), Origin("http", "127.0.0.1:1")
    with suppress(BadRequest):
        return request_head(
            Call(method=method, origin=origin, target=target, headers=fields, body=body, timeouts=TIMEOUTS)
        )
    return None


@given(TARGETS)
def test_a_target_is_sent_that_is_a_path_of_printable_characters(target: str) -> None:
    head = None if TARGET.fullmatch(target) is None else f"GET {target} HTTP/1.1\r\n\r\n".encode("ascii")
    assert sent("GET", target, []) == head


@pytest.mark.parametrize("code", range(256))
def test_every_character_of_a_target_is_judged(code: int) -> None:
    target = f"/a{chr(code)}b"
    assert (sent("GET", target, []) is None) == (TARGET.fullmatch(target) is None)


@given(LINES)
def test_no_field_is_sent_that_has_the_end_of_a_line_in_it(fields: list[tuple[bytes, bytes]]) -> None:
    text = b"".join(b"%b: %b\r\n" % field for field in fields)
    held = re.search(rb"[\r\n\0]", b"".join(map(b"".join, fields)))
    assert sent("GET", "/", fields) == (None if held else b"GET / HTTP/1.1\r\n" + text + b"\r\n")
