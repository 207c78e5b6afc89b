"""What functions return, into responses: every format, what each takes, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Response
from phasegate.faas import MalformedAnswer
from phasegate_aws_lambda.codec import FORMATS

STRUCTURED = ["2.0", "1.0", "alb", "alb-multi"]
JSON_TYPE = ("content-type", "application/json")


def answered(name: str, result: Any, *, strict: bool = False) -> Response:
    payload = result if isinstance(result, bytes) else json.dumps(result).encode()
    return FORMATS[name].response(payload, strict=strict)


def seen(response: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    assert isinstance(response.body, bytes)
    return response.status, list(response.headers), response.body


@pytest.mark.parametrize("name", STRUCTURED)
def test_a_structured_answer_is_the_response(name: str) -> None:
    result = {"statusCode": 201, "headers": {"Content-Type": "text/html", "X-A": "1"}, "body": "<p>ü"}
    expected = (201, [("content-type", "text/html"), ("x-a", "1")], "<p>ü".encode())
    assert seen(answered(name, result, strict=True)) == expected


@pytest.mark.parametrize("name", STRUCTURED)
def test_base64_is_decoded(name: str) -> None:
    result = {"statusCode": 200, "body": "AAH/", "isBase64Encoded": True}
    assert answered(name, result, strict=True).body == b"\x00\x01\xff"


@pytest.mark.parametrize(("name", "type_"), [("2.0", JSON_TYPE), ("1.0", JSON_TYPE), ("alb", None)])
def test_a_body_without_type_is_json_but_for_a_load_balancer(name: str, type_: tuple[str, str] | None) -> None:
    assert seen(answered(name, {"statusCode": 200, "body": "x"})) == (200, [type_] if type_ else [], b"x")
    assert seen(answered(name, {"statusCode": 200})) == (200, [], b"")


@pytest.mark.parametrize("name", ["1.0", "alb-multi"])
def test_multi_value_headers_win_over_single_ones_of_their_name(name: str) -> None:
    result = {
        "statusCode": 200,
        "headers": {"X-A": "single", "X-B": "b"},
        "multiValueHeaders": {"x-a": ["1", "2"], "Set-Cookie": ["a=1", "b=2"], "x-none": None},
    }
    fields = [("x-b", "b"), ("x-a", "1"), ("x-a", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert list(answered(name, result, strict=True).headers) == fields


def test_format_2_has_cookies_and_no_multi_value_headers() -> None:
    result = {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "multiValueHeaders": {"x-a": ["1"]}}
    fields = [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2")]
    assert list(answered("2.0", result, strict=True).headers) == fields


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"message": "hi"}', b'{"message": "hi"}'),
        (b"[1,2]", b"[1,2]"),
        (b"null", b"null"),
        (b"1.50", b"1.50"),
        (b'"just text"', b"just text"),
        (b'{"status_code": 500}', b'{"status_code": 500}'),
    ],
)
def test_without_a_status_format_2_answers_the_payload_itself(payload: bytes, body: bytes) -> None:
    assert seen(answered("2.0", payload)) == (200, [JSON_TYPE], body)


@pytest.mark.parametrize("payload", [b'{"statusCode": 404}', b"null", b'"x"', b"1"])
def test_raw_answers_whatever_it_is(payload: bytes) -> None:
    assert seen(answered("raw", payload)) == (200, [JSON_TYPE], payload)


@pytest.mark.parametrize("name", ["1.0", "alb", "alb-multi"])
@pytest.mark.parametrize("payload", [b"null", b'"x"', b"[]", b"{}", b'{"body": "x"}', b""])
def test_an_answer_without_status_is_malformed(name: str, payload: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        answered(name, payload)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "payload",
    [b"{", b"not json", b"\xff", b"[" * 2000, b"1e400", "{}".encode("utf-16"), b'{"statusCode": 200} x', b"NaN"],
)
def test_what_is_no_json_is_malformed(name: str, payload: bytes) -> None:
    with pytest.raises(MalformedAnswer, match="no JSON"):
        answered(name, payload)


@pytest.mark.parametrize("status", [200, 299, 304, 404, 599, "200", "503"])
def test_a_status_is_a_number_or_its_digits(status: Any) -> None:
    assert answered("1.0", {"statusCode": status}).status == int(status)


@pytest.mark.parametrize(
    "status", [None, 0, 100, 101, 199, 600, 1000, -200, 200.0, True, "", "20", " 200", "OK", [200], {}]
)
@pytest.mark.parametrize("name", STRUCTURED)
def test_any_other_status_is_malformed(name: str, status: Any) -> None:
    with pytest.raises(MalformedAnswer, match="statusCode"):
        answered(name, {"statusCode": status})


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "part",
    [
        {"headers": []},
        {"headers": {"x": {}}},
        {"headers": {"x y": "1"}},
        {"headers": {"": "1"}},
        {"headers": {"x": "1\r\nSet-Cookie: a=b"}},
        {"headers": {"x": "a\u0000"}},
        {"headers": {"x\n": "1"}},
        {"multiValueHeaders": {"x": "1"}},
        {"multiValueHeaders": {"x": ["1\n2"]}},
        {"body": "***", "isBase64Encoded": True},
        {"body": "AA", "isBase64Encoded": True},
        {"body": "ü", "isBase64Encoded": True},
        {"body": {}, "isBase64Encoded": True},
        {"body": "x", "isBase64Encoded": "true"},
        {"cookies": "a=1"},
        {"cookies": ["a=1\r\nx: y"]},
        {"headers": {"x": "1" * 32_768}},
        {"headers": {f"x-{number}": "1" * 1000 for number in range(70)}},
        {"multiValueHeaders": {"x": ["1" * 1000] * 70}},
        {"cookies": ["a=1"] * 10_000},
    ],
)
def test_what_http_can_t_carry_is_malformed(part: dict[str, Any], strict: bool) -> None:
    with pytest.raises(MalformedAnswer):
        answered("1.0", {"statusCode": 200, **part}, strict=strict)


@pytest.mark.parametrize(
    ("part", "fields", "body"),
    [
        ({"body": {"a": 1}}, [JSON_TYPE], b'{"a":1}'),
        ({"body": [1, "x"]}, [JSON_TYPE], b'[1,"x"]'),
        ({"body": 5}, [JSON_TYPE], b"5"),
        ({"headers": {"x": ["1", 2, None]}}, [("x", "1"), ("x", "2")], b""),
    ],
)
def test_lenient_takes_what_is_plain_and_strict_refuses_it(
    part: dict[str, Any], fields: list[tuple[str, str]], body: bytes
) -> None:
    assert seen(answered("1.0", {"statusCode": 200, **part})) == (200, fields, body)
    with pytest.raises(MalformedAnswer):
        answered("1.0", {"statusCode": 200, **part}, strict=True)


def test_a_body_that_is_nested_too_deeply_to_be_written_is_malformed() -> None:
    body = b"[" * 400 + b"]" * 400
    with pytest.raises(MalformedAnswer, match="body"):
        answered("2.0", b'{"statusCode": 200, "body": %b}' % body)


@pytest.mark.parametrize("strict", [True, False])
def test_plain_values_are_text_and_nulls_are_nothing(strict: bool) -> None:
    result = {
        "statusCode": 200,
        "headers": {"x-int": 1, "x-float": 1.5, "x-bool": True, "x-null": None, "x-text": " a "},
        "multiValueHeaders": {"x-many": [None, "b"], "x-none": [None]},
        "cookies": None,
        "body": None,
        "isBase64Encoded": None,
    }
    fields = [("x-int", "1"), ("x-float", "1.5"), ("x-bool", "true"), ("x-text", "a"), ("x-many", "b")]
    assert seen(answered("1.0", result, strict=strict)) == (200, fields, b"")


@pytest.mark.parametrize("name", STRUCTURED)
def test_half_of_a_character_that_a_function_cut_is_a_question_mark(name: str) -> None:
    payload = b'{"statusCode": 200, "headers": {"x": "\\udc00"}, "body": "a\\ud83d \\ud83d\\ude00 \\u00fc"}'
    response = answered(name, payload)
    assert (response.headers.get("x"), response.body) == ("?", "a? \U0001f600 ü".encode())


def test_fields_of_the_connection_and_the_length_are_dropped() -> None:
    names = ("Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Proxy-Authenticate")
    result = {"statusCode": 200, "headers": dict.fromkeys(names, "x"), "multiValueHeaders": {"CONTENT-LENGTH": ["9"]}}
    assert list(answered("1.0", result).headers) == []


def test_a_value_outside_of_latin_letters_is_utf_8() -> None:
    assert answered("2.0", {"statusCode": 200, "headers": {"x": "€"}}).headers.raw == [(b"x", "€".encode())]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["statusCode", "headers", "body", "cookies", "isBase64Encoded", "x"]), inner
            )
        ),
    ),
    st.sampled_from(list(FORMATS)),
    st.booleans(),
)
def test_any_json_is_a_response_or_malformed(result: Any, name: str, strict: bool) -> None:
    payload = json.dumps(result).encode()
    try:
        response = FORMATS[name].response(payload, strict=strict)
    except MalformedAnswer:
        return
    assert 200 <= response.status <= 599
    assert isinstance(response.body, bytes)
