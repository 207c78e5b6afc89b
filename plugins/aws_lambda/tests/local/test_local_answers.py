"""Handler results as HTTP responses: strict for a REST API, lenient for a function URL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate_aws_lambda.local.answers import MalformedError, rest_answer, url_answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TYPE = ("Content-Type", "application/json")


def test_rest_result_becomes_a_response() -> None:
    answer = rest_answer({"statusCode": "201", "headers": {"X-Id": "7", "Content-Type": "text/plain"}, "body": "hi"})
    assert (answer.status, answer.body) == (201, b"hi")
    assert answer.fields == [("X-Id", "7"), ("Content-Type", "text/plain")]


def test_rest_defaults_are_an_empty_json() -> None:
    answer = rest_answer({"statusCode": 200, "body": None, "headers": None, "multiValueHeaders": None})
    assert (answer.fields, answer.body) == ([TYPE], b"")


def test_rest_multi_values_win_over_single_ones() -> None:
    result = {
        "statusCode": 200,
        "headers": {"x-a": "single", "X-B": True},
        "multiValueHeaders": {"X-A": ["1", "2"], "Set-Cookie": ["a=1", "b=2"]},
    }
    assert rest_answer(result).fields[1:] == [
        ("X-B", "true"),
        ("X-A", "1"),
        ("X-A", "2"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ]


def test_rest_base64_body_is_decoded() -> None:
    assert rest_answer({"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}).body == b"\xff\x00"


def test_rest_renames_what_api_gateway_renames() -> None:
    names = ["WWW-Authenticate", "Date", "content-length", "Connection", "Server", "X-Own", "Transfer-Encoding"]
    fields = rest_answer({"statusCode": 401, "headers": dict.fromkeys(names, "v")}).fields[1:]
    prefix = "x-amzn-Remapped-"
    assert [name for name, _ in fields] == [
        *(prefix + name for name in ("WWW-Authenticate", "Date", "content-length", "Connection", "Server")),
        "X-Own",
    ]


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        [],
        {},
        {"body": "no status"},
        {"statusCode": None},
        {"statusCode": "OK"},
        {"statusCode": 200.5},
        {"statusCode": True},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": "200\n"},
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": 200, "body": 1},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "body": "x", "isBase64Encoded": "yes"},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "headers": {"a": "\x01"}},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        {"statusCode": 200, "cookies": ["of=the other format"]},
        {"statusCode": 200, "body": "\ud800"},
    ],
)
def test_rest_refuses_all_but_the_documented_form(result: Any) -> None:
    with pytest.raises(MalformedError):
        rest_answer(result)


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({"message": "Hello"}, b'{"message":"Hello"}'),
        ("Hello, world!", b"Hello, world!"),
        ([1, "ü"], '[1,"ü"]'.encode()),
        (None, b"null"),
        (7, b"7"),
    ],
)
def test_url_result_without_a_status_is_the_body(result: Any, body: bytes) -> None:
    answer = url_answer(result)
    assert (answer.status, answer.fields, answer.body) == (200, [TYPE], body)


def test_url_structured_result_says_everything() -> None:
    result = {
        "statusCode": 201,
        "headers": {"X-N": 7},
        "body": "e30=",
        "isBase64Encoded": True,
        "cookies": ["a=1", "b=2"],
    }
    answer = url_answer(result)
    assert (answer.status, answer.body) == (201, b"{}")
    assert answer.fields == [TYPE, ("X-N", "7"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]


def test_url_framing_of_the_handler_is_ignored() -> None:
    headers = {"Content-Length": "999", "Transfer-Encoding": "chunked", "Connection": "close", "X-Own": "v"}
    assert url_answer({"statusCode": 200, "headers": headers}).fields == [TYPE, ("X-Own", "v")]


@pytest.mark.parametrize("result", ["\ud800", ["\ud800"], {"statusCode": 200, "headers": {"a": "\udfff"}}])
def test_text_without_bytes_is_malformed(result: Any) -> None:
    with pytest.raises(MalformedError):
        url_answer(result)


def test_url_ignores_multi_value_headers() -> None:
    answer = url_answer({"statusCode": 200, "multiValueHeaders": {"X-A": ["1"]}})
    assert answer.fields == [TYPE]


@pytest.mark.parametrize(
    "result", [{"statusCode": "OK"}, {"statusCode": 200, "body": {}}, {"statusCode": 200, "cookies": "a=1"}]
)
def test_url_refuses_a_structured_result_that_is_none(result: Any) -> None:
    with pytest.raises(MalformedError):
        url_answer(result)


@given(JSON)
def test_any_json_is_a_response_or_malformed(result: Any) -> None:
    for decode in (rest_answer, url_answer):
        try:
            answer = decode(result)
        except MalformedError:
            continue
        assert 200 <= answer.status < 600


@given(
    JSON.filter(
        lambda result: not isinstance(result, str) and not (isinstance(result, dict) and "statusCode" in result)
    )
)
def test_url_body_reads_as_the_result(result: Any) -> None:
    assert json.loads(url_answer(result).body) == result
