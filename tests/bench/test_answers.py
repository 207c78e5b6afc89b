"""What attackers read out of what a server sends them."""

from collections import Counter

import pytest
from hpack import Encoder
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from bench.abuse.answers import Http1Answers, Http2Answers


def head(stream: int, status: str, *flags: str) -> bytes:
    return HeadersFrame(stream, Encoder().encode([(":status", status)]), flags=["END_HEADERS", *flags]).serialize()


def fed(data: bytes, size: int) -> Http2Answers:
    answers = Http2Answers()
    for place in range(0, len(data), size):
        answers.feed(data[place : place + size])
    return answers


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_frames_are_read_however_they_are_cut(size: int) -> None:
    reset, goaway = RstStreamFrame(3, 8).serialize(), GoAwayFrame(0, last_stream_id=3, error_code=11).serialize()
    answers = fed(SettingsFrame(0).serialize() + head(1, "200") + reset + goaway, size)
    assert answers.streams == Counter({"200": 1, "reset CANCEL": 1})
    assert answers.verdict == "GOAWAY ENHANCE_YOUR_CALM"


def test_a_stream_is_over_once_however_often_it_ends() -> None:
    end, reset = DataFrame(1, b"x", flags=["END_STREAM"]).serialize(), RstStreamFrame(1, 0).serialize()
    assert fed(head(1, "408") + end + reset, 1000).over == 1


def test_a_stream_that_goes_on_is_not_over() -> None:
    assert fed(head(1, "200") + DataFrame(1, b"x").serialize(), 1000).over == 0


def test_an_answer_without_a_body_is_over_with_its_head() -> None:
    assert fed(head(1, "204", "END_STREAM"), 1000).over == 1


def test_unknown_codes_are_told_by_number() -> None:
    assert fed(GoAwayFrame(0, error_code=99).serialize(), 1000).verdict == "GOAWAY 99"


def test_the_status_is_the_verdict_over_http1() -> None:
    answers = Http1Answers()
    answers.feed(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    assert (answers.verdict, answers.over) == ("408", 1)


def test_bodies_are_no_statuses() -> None:
    answers = Http1Answers()
    answers.feed(b"just a body of HTTP/2 408")
    assert answers.verdict == ""
