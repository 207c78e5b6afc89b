"""Fields that come again: taken as they were judged, and never for anything else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Request
from phasegate.limits import Limits
from phasegate.server.http1.connection import Http1Connection
from phasegate.server.http1.repeats import Repeats
from phasegate.server.incoming import Head, head_of
from phasegate.server.listener import Listener
from phasegate.server.roster import Roster
from tests.listening import Scripted, echo

MOST = 8192
FIELDS = b"\r\nHost: gateway.test\r\nX-Tag: a\r\n\r\n"


def request(target: bytes = b"/a", method: bytes = b"GET", fields: bytes = FIELDS) -> bytes:
    return method + b" " + target + b" HTTP/1.1" + fields


def judged(target: bytes = b"/a") -> Head:
    return head_of("GET", target, [(b"host", b"gateway.test"), (b"x-tag", b"a")])


@pytest.fixture
def repeats() -> Repeats:
    known = Repeats()
    for target in (b"/a", b"/b"):
        known.note(request(target), judged(target))
    return known


def test_fields_that_came_twice_are_known(repeats: Repeats) -> None:
    assert repeats.head(request(b"/c%2fd?e=f", b"DELETE"), MOST) == Head(
        "DELETE", "/c%2Fd", "e=f", judged().fields, "gateway.test", None, "/c%2fd?e=f"
    )


def test_fields_that_came_once_are_not() -> None:
    known = Repeats()
    known.note(request(), judged())
    assert known.head(request(), MOST) is None


@pytest.mark.parametrize(
    "data",
    [
        request(fields=FIELDS.replace(b"a\r\n", b"b\r\n")),
        request(method=b"POST"),
        request(method=b"get"),
        request(b"*", b"OPTIONS"),
        request(b"http://gateway.test/a"),
        request(b"/a b"),
        request(b"/a#b"),
        request(b"/\xc3\xa4"),
        request(b"/%"),
        request(b"/%00"),
        request(b"/a%2F..%2Fb"),
        request(b"/" + b"a" * MOST),
        request().replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        request().replace(b"HTTP/1.1", b"RTSP/1.0", 1),
        request().replace(b"/a ", b"/a  ", 1),
        b"\r\n" + request(),
        request() + request(),
        request() + b"\r\n",
        request()[:-1],
        FIELDS,
        b"",
    ],
)
def test_anything_else_is_parsed(repeats: Repeats, data: bytes) -> None:
    assert repeats.head(data, MOST) is None


@pytest.mark.parametrize(
    "data",
    [
        # What would leave a field's name out, were its line taken for the request's.
        b"GET /a HTTP/1.1\r\nX: GET /b HTTP/1.1" + FIELDS + request(),
        b"\r\n" + request(),
        request(method=b"POST"),
        request(b"http://gateway.test/"),
        request()[:-1],
        request(fields=b"\r\nX: " + b"a" * 2048 + FIELDS),
    ],
)
def test_what_does_not_come_alone_and_plain_is_not_noted(data: bytes) -> None:
    known = Repeats()
    for _ in range(3):
        known.note(data, judged())
    assert known.head(request(), MOST) is None


def test_the_same_request_again_has_the_same_head(repeats: Repeats) -> None:
    for _ in range(3):
        assert repeats.head(request(b"/c"), MOST) == judged(b"/c")
    assert repeats.head(request(b"/d"), MOST) == judged(b"/d")


def test_a_connection_of_ever_other_fields_is_soon_left_alone() -> None:
    known = Repeats()
    for number in range(10):
        fields = b"\r\nHost: gateway.test\r\nX: %d\r\n\r\n" % number
        known.note(request(fields=fields), judged())
    for _ in range(3):
        known.note(request(), judged())
    assert known.head(request(), MOST) is None


class Talk:
    """A client on one connection, and the requests that came through."""

    def __init__(self) -> None:
        self.application = Scripted(echo)
        listener = Listener(self.application, Roster(Limits()))
        self.written: list[bytes] = []
        transport: Any = _Transport(self.written)
        self._connection = Http1Connection(listener, transport, "192.0.2.1")
        listener.roster.admit(self._connection)
        self._connection.begin()

    async def say(self, data: bytes) -> None:
        self._connection.data_received(data)
        for _ in range(8):
            await asyncio.sleep(0)


class _Transport:
    def __init__(self, written: list[bytes]) -> None:
        self.write = written.append
        self._closing = False

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str) -> None:
        return None

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._closing = True

    abort = close


def _seen(request: Request) -> tuple[object, ...]:
    # An id of their own is what requests differ in.
    fields = [field for field in request.headers.raw if field[0] != b"x-request-id"]
    return (request.method, request.path, request.query.raw, request.host, request.port, request.raw_target, fields)


SECTIONS = st.sampled_from(
    [
        FIELDS,
        b"\r\nhost: gateway.test:81\r\ncookie: a=b\r\n\r\n",
        b"\r\nHost: gateway.test\r\nConnection: close\r\n\r\n",
        b"\r\nHost: gateway.test\r\nConnection: keep-alive, x-tag\r\nX-Tag: a\r\n\r\n",
        b"\r\nHost: gateway.test\r\nX_Consumer_Username: a\r\n\r\n",
        b"\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n",
        b"\r\nHost: gateway.test\r\nContent-Length: 3\r\n\r\nabc",
        b"\r\nHost: a b\r\n\r\n",
        b"\r\n\r\n",
    ]
)
TARGETS = st.sampled_from([b"/a", b"/b?c=d", b"/a/../b", b"/%7e", b"/%zz", b"*", b"http://other.test/", b"/a b"])
METHODS = st.sampled_from([b"GET", b"HEAD", b"POST", b"OPTIONS", b"TRACE"])


@given(st.lists(st.tuples(METHODS, TARGETS, SECTIONS), min_size=1, max_size=8).map(lambda found: found * 3))
def test_a_request_means_the_same_however_often_its_fields_came(requests: list[tuple[bytes, bytes, bytes]]) -> None:
    async def run() -> None:
        kept = Talk()
        for method, target, section in requests:
            alone, data = Talk(), request(target, method, section)
            taken, refused = len(kept.application.requests), len(kept.application.refused)
            await kept.say(data)
            await alone.say(data)
            assert [*map(_seen, kept.application.requests[taken:])] == [*map(_seen, alone.application.requests)]
            assert [*map(str, kept.application.refused[refused:])] == [*map(str, alone.application.refused)]
            if kept._connection.deaf:
                kept = Talk()

    asyncio.run(run())


async def test_what_a_connection_repeats_reaches_the_application() -> None:
    talk = Talk()
    for number in range(6):
        await talk.say(request(b"/%d" % number))
    assert [request.path for request in talk.application.requests] == [f"/{number}" for number in range(6)]
    assert len(talk.written) == 6
    assert talk._connection._intake._repeats.known is not None
