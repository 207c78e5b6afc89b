"""What changed between two moments of an exchange."""

from collections.abc import Callable
from dataclasses import astuple

import pytest

from phasegate import Body, Consumer, Exchange, Headers, Query, Response
from phasegate.explain.differences import answer_changes, request_changes
from phasegate.explain.trace import Answered, Asked
from phasegate.explain.veil import Veil
from phasegate.testing import make_exchange, make_request

Change = tuple[str, str | None, str | None]


def changed(change: Callable[[Exchange], object], **kinds: bool) -> list[Change]:
    exchange = make_exchange(
        make_request(target="/a?x=1&y=2&token=t", headers={"accept": "text/html", "authorization": "Basic eDp5"})
    )
    before = Asked.of(exchange)
    change(exchange)
    return [astuple(one) for one in request_changes(before, Asked.of(exchange), Veil(), **kinds)]


def set_query(raw: str) -> Callable[[Exchange], object]:
    return lambda exchange: setattr(exchange.request, "query", Query(raw))


def set_header(name: str, value: str) -> Callable[[Exchange], object]:
    return lambda exchange: exchange.request.headers.__setitem__(name, value)


def test_nothing_is_no_change() -> None:
    assert changed(lambda exchange: None) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda exchange: setattr(exchange.request, "method", "PUT"), ("method", "GET", "PUT")),
        (lambda exchange: setattr(exchange.request, "path", "/b"), ("path", "/a", "/b")),
        (set_query("x=3&y=2&token=t"), ("argument x", "1", "3")),
        (set_query("x=1&token=t"), ("argument y", "2", None)),
        (set_query("x=1&y=2&token=t&z=1&z=2"), ("argument z", None, "1, 2")),
        (set_query("x=1&y=2&token=u"), ("argument token", "***", "***")),
        (set_query("y=2&x=1&token=t"), ("query", "as it was sent", "in another order or spelling")),
        (set_header("accept", "*/*"), ("header accept", "text/html", "*/*")),
        (set_header("x-new", "1"), ("header x-new", None, "1")),
        (set_header("x-new", "Bearer abcdef"), ("header x-new", None, "***")),
        (lambda exchange: exchange.request.headers.remove("accept"), ("header accept", "text/html", None)),
        (set_header("authorization", "Basic ejp6"), ("header authorization", "***", "***")),
        (lambda exchange: setattr(exchange.request, "body", Body(b"x")), ("body", None, "another one")),
        (lambda exchange: setattr(exchange, "consumer", Consumer("jack")), ("consumer", None, "jack")),
        (lambda exchange: setattr(exchange, "request", make_request(target="/b")), ("path", "/a", "/b")),
    ],
)
def test_every_change_is_told(change: Callable[[Exchange], object], expected: Change) -> None:
    assert expected in changed(change)


def test_a_field_of_one_who_holds_secrets_may_be_made_of_them() -> None:
    assert changed(set_header("x-new", "1"), hide_new=True) == [("header x-new", None, "***")]


def test_a_field_s_order_among_its_like_counts() -> None:
    exchange = make_exchange(make_request(headers=[("accept", "a"), ("accept", "b")]))
    before = Asked.of(exchange)
    exchange.request.headers = Headers([*reversed([*exchange.request.headers])])
    changes = [astuple(one) for one in request_changes(before, Asked.of(exchange), Veil())]
    assert changes == [("header accept", "a, b", "b, a")]


def test_an_answer_s_head_and_body_are_compared() -> None:
    answer = Response(200, {"x-a": "1", "set-cookie": "a=b"}, b"1")
    before = Answered.of(answer)
    answer.status = 201
    answer.headers["x-a"] = "2"
    answer.headers["set-cookie"] = "a=c"
    answer.body = b"2"
    assert [astuple(one) for one in answer_changes(before, Answered.of(answer), Veil())] == [
        ("status", "200", "201"),
        ("response header x-a", "1", "2"),
        ("response header set-cookie", "***", "***"),
        ("response body", None, "another one"),
    ]
