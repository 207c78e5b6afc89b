from collections.abc import AsyncIterator

import pytest

from phasegate import BadRequest, Query, Request, Response
from phasegate.testing import make_request


def test_a_path_that_is_set_gets_the_canonical_form() -> None:
    request = make_request(target="/a")
    request.path = "/b/%2e%2e/c é"
    assert request.path == "/c%20%C3%A9"


def test_a_path_that_is_none_can_not_be_set() -> None:
    request = make_request()
    with pytest.raises(BadRequest):
        request.path = "relative"
    assert request.path == "/"


def test_a_copy_stays_when_the_request_changes() -> None:
    request = make_request(target="/a?x=1", headers={"x": "1"})
    twin = request.copy()
    request.path = "/b"
    request.headers["x"] = "2"
    assert (twin.path, twin.query.raw, twin.headers.get("x")) == ("/a", "x=1", "1")


def test_repr_of_a_request_shows_neither_headers_nor_query() -> None:
    request = Request("GET", "/a", host="h")
    assert repr(request) == "<Request GET h/a>"


async def test_setting_a_body_drops_the_length_of_the_former_one() -> None:
    response = Response(200, {"content-length": "3", "x": "1"}, b"abc")
    response.body = b"abcdef"
    assert "content-length" not in response.headers
    assert await response.read() == b"abcdef"


async def test_a_stream_can_be_wrapped() -> None:
    async def doubled(inner: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in inner:
            yield block * 2

    response = Response(body=b"ab")
    response.body = doubled(response.stream())
    assert await response.read() == b"abab"


def test_json_and_text_say_what_they_are() -> None:
    assert Response.json({"a": 1}).headers.get("content-type") == "application/json"
    assert Response.text("é").body == "é".encode()


def test_a_request_made_of_values_has_each_in_its_place() -> None:
    request = Request("GET", "/a")
    copied = sorted(set(Request.__slots__) - {"headers", "passing"})
    for number, name in enumerate(copied):
        setattr(request, name, number)
    twin = request.copy()
    assert [getattr(twin, name) for name in copied] == [getattr(request, name) for name in copied]
    assert (twin.headers, twin.passing) == (request.headers, None)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a", "/a", ""),
        ("/a?", "/a", ""),
        ("/a/../b?c=d&e", "/b", "c=d&e"),
        ("/%61?x=%61", "/a", "x=%61"),
        ("/a?b?c", "/a", "b?c"),
        ("/a b?c d", "/a%20b", "c%20d"),
        ("/a?x\r\nHost: evil", "/a", "x%0D%0AHost:%20evil"),
        ("/a?\u00e4#y", "/a", "%C3%A4%23y"),
        ("/a\r\n?", "/a%0D%0A", ""),
    ],
)
def test_path_and_query_are_set_at_once(target: str, path: str, query: str) -> None:
    request = Request("GET", "/before", query=Query("before"))
    request.retarget(target)
    assert (request.path, request.query.raw) == (path, query)


@pytest.mark.parametrize("target", ["", "a", "?a", "http://h/a", "/..%2Fa", "/%00", "/%zz"])
def test_a_target_that_is_none_is_refused(target: str) -> None:
    request = Request("GET", "/before", query=Query("before"))
    with pytest.raises(BadRequest):
        request.retarget(target)
    assert (request.path, request.query.raw) == ("/before", "before")
