from typing import Any

import pytest

from phasegate import FunctionFailed
from phasegate.faas import Answer, MalformedAnswer, answer_fields, answer_status, json_bytes, read_whole


@pytest.mark.parametrize(("code", "status"), [(200, 200), (599, 599), ("404", 404)])
def test_a_status_is_a_number_or_its_digits(code: Any, status: int) -> None:
    assert answer_status(code) == status


@pytest.mark.parametrize("code", [199, 600, "2OO", "200\n", 200.0, True, None, [200]])
def test_what_is_no_status(code: Any) -> None:
    with pytest.raises(MalformedAnswer, match="statusCode must be a number from 200 to 599"):
        answer_status(code)


def test_fields_are_those_of_the_answer_alone() -> None:
    headers = {"X-Text": " a ", "X-Number": 1, "X-Yes": True, "X-None": None, "Connection": "x", "Content-Length": "9"}
    headers |= {"Proxy-Authenticate": "Basic"}
    assert answer_fields(headers) == [(b"x-text", b"a"), (b"x-number", b"1"), (b"x-yes", b"true")]


def test_a_list_is_several_fields_where_it_may_be_one() -> None:
    headers = {"Set-Cookie": ["a=1", None, "b=2"]}
    assert answer_fields(headers) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    with pytest.raises(MalformedAnswer, match="must be text, not a list"):
        answer_fields(headers, lists=False)


@pytest.mark.parametrize(
    "headers",
    [
        *([], "x", {"a b": "c"}, {"a": "b\r\nc: d"}, {"a": {}}, {"a": "\x00"}),
        *({"a": "b" * 32_768}, {"a": ["b" * 1000] * 70}),
    ],
)
def test_what_http_can_not_carry_is_refused(headers: Any) -> None:
    with pytest.raises(MalformedAnswer):
        answer_fields(headers)


def test_a_value_is_written_as_json_unless_it_is_nested_too_deeply() -> None:
    assert json_bytes({"a": [1]}) == b'{"a":[1]}'
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(MalformedAnswer, match="can't be written as JSON"):
        json_bytes(deep)


async def test_an_answer_is_read_up_to_its_limit() -> None:
    assert await read_whole(Answer(200, [], b"12345"), 5) == b"12345"
    with pytest.raises(FunctionFailed) as caught:
        await read_whole(Answer(200, [], b"123456"), 5)
    assert (caught.value.status, caught.value.code) == (502, "response_too_large")
