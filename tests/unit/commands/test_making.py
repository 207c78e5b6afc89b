import pytest

from phasegate import ConfigError
from phasegate.commands import CommandError, configured, exchange_of, request_from
from tests.zoo import Answers, Token


def test_a_request_is_as_the_listener_takes_it_in() -> None:
    fields = [(b"x-a", b"1"), (b"connection", b"x-a"), (b"x-consumer-username", b"jack")]
    request = request_from("POST", "/a/./b%7e?c=d", fields, b"text")
    assert (request.method, request.path, request.query.raw) == ("POST", "/a/b~", "c=d")
    assert request.headers.raw == [(b"host", b"localhost"), (b"content-length", b"4")]
    assert (request.client, request.body.data) == ("127.0.0.1", b"text")


def test_what_the_listener_would_refuse_is_an_error() -> None:
    for target in ("/%zz", "relative", "/\N{SNOWMAN}"):
        with pytest.raises(CommandError, match="can't be sent"):
            request_from("GET", target)


def test_an_exchange_has_an_id_which_upstreams_get() -> None:
    given = exchange_of(request_from("GET", "/", [(b"x-request-id", b"abcdefgh")]))
    made = exchange_of(request_from("GET", "/"))
    assert given.request_id == "abcdefgh"
    assert made.request.headers.get("x-request-id") == made.request_id != ""


def test_a_plugin_is_judged_as_by_loading() -> None:
    assert isinstance(configured(Answers, {}), Answers)
    with pytest.raises(ConfigError, match="is not a known key"):
        configured(Token, {"surely": "unknown"})
