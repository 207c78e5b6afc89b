"""What becomes of an action's result."""

from typing import Any

import pytest

from phasegate.faas import MalformedAnswer
from phasegate_openwhisk.result import response_of

JSON = "application/json"


@pytest.mark.parametrize("result", [{"greeting": "hello"}, {}, [1, 2], "text", 5])
def test_what_names_no_part_is_json(result: Any) -> None:
    response = response_of(result)
    assert (response.status, response.headers.get("content-type")) == (200, JSON)
    assert response.body


@pytest.mark.parametrize(
    ("body", "content_type", "sent", "sent_type"),
    [
        ("hello", None, b"hello", "text/html; charset=utf-8"),
        ("hello", "text/plain", b"hello", "text/plain"),
        ({"a": 1}, None, b'{"a":1}', JSON),
        ([1], None, b"[1]", JSON),
        (5, None, b"5", JSON),
        ({"a": 1}, "application/problem+json", b'{"a":1}', "application/problem+json"),
        ('{"a": 1}', JSON, b'{"a": 1}', JSON),
        ("1234", JSON, b"1234", JSON),
        ("eyJhIjogMX0=", JSON, b'{"a": 1}', JSON),
        ("<svg/>", "image/svg+xml", b"<svg/>", "image/svg+xml"),
        ("iVBORw==", "image/png", b"\x89PNG", "image/png"),
        ("iVBORw==", "image/png; x=y", b"\x89PNG", "image/png; x=y"),
        (None, None, b"", None),
        ("", None, b"", None),
    ],
)
def test_a_body_is_text_json_or_base64_as_its_type_says(
    body: Any, content_type: str | None, sent: bytes, sent_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else None
    response = response_of({"body": body, "headers": headers})
    assert (response.body, response.headers.get("content-type")) == (sent, sent_type)


def test_status_and_headers_are_the_actions() -> None:
    headers = {"Location": "/x", "Set-Cookie": ["a=1", "b=2"], "X-Number": 7, "X-None": None, "Content-Length": "99"}
    response = response_of({"statusCode": 302, "headers": headers})
    assert (response.status, response.body) == (302, b"")
    assert list(response.headers) == [
        ("location", "/x"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-number", "7"),
    ]


def test_a_status_may_be_text() -> None:
    assert response_of({"statusCode": "404"}).status == 404


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 99},
        {"statusCode": None},
        {"statusCode": "ok"},
        {"statusCode": 101},
        {"headers": []},
        {"headers": {"a b": "c"}},
        {"headers": {"a": "b\nc"}},
        {"headers": {"a": {"b": 1}}},
        {"headers": {"content-type": "image/png"}, "body": "no base64"},
    ],
)
def test_what_http_can_not_carry_is_refused(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        response_of(result)
