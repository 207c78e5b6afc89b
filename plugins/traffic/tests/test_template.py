from typing import Any

import pytest

from phasegate import Consumer, Exchange, Route
from phasegate.testing import make_exchange, make_request
from phasegate_traffic.template import Template, in_body, in_header, wrong


def exchange(target: str = "/a/b?x=1&y=%2F..%2F", headers: Any = ()) -> Exchange:
    made = make_exchange(make_request("GET", target, headers=headers), route=Route(id="r", uris=("/*",)))
    made.params = {"id": "a%2Fb"}
    made.consumer = Consumer("jack")
    return made


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$uri", "/a/b"),
        ("${uri}x", "/a/bx"),
        ("<$arg_x>", "<1>"),
        ("$args", "x=1&y=%2F..%2F"),
        ("$request_uri", "/a/b?x=1&y=%2F..%2F"),
        ("$arg_y", "/../"),
        ("$arg_none", ""),
        ("$http_none.", "."),
        ("$remote_addr $host $scheme", "192.0.2.1 gateway.test http"),
        ("$uri_param_id", "a%2Fb"),
        ("$request_id", "test-request-id"),
        ("$route_id/$consumer_name", "r/jack"),
        (r"\$uri \$", "$uri $"),
        ("a$", "a$"),
        ("$$uri", "$/a/b"),
    ],
)
def test_a_variable_is_replaced_by_its_value(text: str, filled: str) -> None:
    assert Template(text).fill(exchange(), str) == filled


def test_a_target_that_is_a_whole_url_is_told_without_it() -> None:
    made = exchange("http://evil.test/a?b")
    assert Template("$request_uri").fill(made, str) == "/a?b"


@pytest.mark.parametrize(
    ("text", "filled"),
    [("/f/$arg_y", "/f/%2F..%2F"), ("/f$uri", "/f/a/b"), ("/$uri_param_id", "/a%2Fb"), ("/$http_x", "/%3Fa%23b%20c")],
)
def test_in_a_url_no_value_ends_a_part_or_begins_one(text: str, filled: str) -> None:
    assert Template(text).fill_url(exchange(headers=[("x", "?a#b c")])) == filled


def test_in_a_header_a_value_is_printable_ascii() -> None:
    assert in_header("a\r\nb: \u00e4 \x7f\0") == "a%0D%0Ab: %C3%A4 %7F%00"


@pytest.mark.parametrize(
    ("content_type", "value"),
    [("text/html", "&lt;a&quot;&gt;"), ("application/json", '<a\\">'), ("application/xml", "&lt;a&quot;&gt;")],
)
def test_in_a_body_a_value_is_no_markup(content_type: str, value: str) -> None:
    assert in_body(content_type)('<a">') == value


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("/?to=$request_uri", "/?to=/a/b%3Fx%3D1%26y%3D%252F..%252F"),
        ("/?id=$uri_param_id&x=$arg_y", "/?id=a%252Fb&x=/../"),
        ("/$arg_y?$args", "/%2F..%2F?x=1&y=%2F..%2F"),
        ("/?$http_x", "/?%3Fa%26admin%3D1"),
    ],
)
def test_in_a_query_no_value_begins_another_argument(text: str, filled: str) -> None:
    assert Template(text).fill_url(exchange(headers=[("x", "?a&admin=1")])) == filled


@pytest.mark.parametrize("text", ["$nothing", "${http-x}$arg", "$1"])
def test_a_variable_that_there_is_not_is_told_at_load(text: str) -> None:
    (finding,) = wrong(text, "uri")
    assert finding.path == "uri"
    assert "has no variable" in finding.message
