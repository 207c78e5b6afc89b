from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Body, Call, CallTimeouts, Origin, Request
from phasegate.http.headers import RawHeaders
from phasegate.http.hygiene import end_to_end_request
from phasegate.http.passing import Passing
from phasegate.testing import make_request
from phasegate.upstream.head import request_head

TIMEOUTS = CallTimeouts(connect=1.0, send=1.0, head=1.0, gap=1.0)
ID, SAID = (b"x-request-id", b"1"), (b"accept", b"*/*")
IDS = st.sampled_from([[ID], [(b"x-request-id", b"2")], []])
ADDED = st.sampled_from([[], [], [], [(b"x-added", b"1")], [(b"x-consumer-username", b"jack")]])
NAMES = [b"host", b"accept", b"via", b"te", b"x-forwarded-for", b"connection", b"x-request-id", b"cookie"]
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b"", b"a", b"b", b"trailers"])), max_size=5)
CAME = st.fixed_dictionaries(
    {},
    optional={
        "peer": st.sampled_from(["192.0.2.1", "192.0.2.2"]),
        "scheme": st.sampled_from(["http", "https"]),
        "port": st.sampled_from([None, 80, 8080]),
        "server_port": st.sampled_from([None, 80, 8080]),
        "http_version": st.sampled_from(["1.0", "1.1", "2"]),
        "peer_trusted": st.booleans(),
        "host": st.sampled_from(["gateway.test", "other.test"]),
    },
)
PLACES = st.integers(0, 12)
CHANGES = st.lists(st.tuples(PLACES, PLACES, st.lists(st.sampled_from([(b"x-api-key", b"k"), ID]), max_size=2)))


def request_of(raw: RawHeaders, came: dict[str, Any] | None = None, passing: Passing | None = None) -> Request:
    request = make_request()
    request.headers.raw = raw
    for name, value in (came or {}).items():
        setattr(request, name, value)
    request.passing = passing
    return request


def head_of(request: Request, changes: list[tuple[int, int, RawHeaders]] = []) -> bytes:  # noqa: B006 (not changed)
    """Return the head of a call with what passes of a request, after somebody changed it here and there."""
    headers = [(b"host", b"upstream.test"), *end_to_end_request(request)]
    for start, end, fields in changes:
        headers[start:end] = fields
    origin = Origin("http", "127.0.0.1:1")
    call = Call(method="GET", origin=origin, target="/", headers=headers, body=Body(), timeouts=TIMEOUTS)
    call.passing = request.passing
    return request_head(call)


@given(FIELDS, st.lists(st.tuples(IDS, ADDED, CAME, CHANGES), max_size=6))
def test_what_passes_is_the_same_with_a_memory_and_without(said: RawHeaders, requests: list[tuple[Any, ...]]) -> None:
    passing = Passing(said)
    for identity, added, came, changes in requests:
        for _ in range(2):
            raw = [*identity, *said, *added]
            known, unknown = request_of(raw, came, passing), request_of(raw, came)
            assert end_to_end_request(known) == end_to_end_request(unknown)
            assert head_of(known, changes) == head_of(unknown, changes)


def test_the_first_request_is_remembered_and_each_has_its_own_id() -> None:
    said = [(b"host", b"gateway.test"), (b"accept", b"*/*")]
    passing = Passing(said)
    heads = [head_of(request_of([(b"x-request-id", b"%d" % n), *said], passing=passing)) for n in range(3)]
    assert b"accept: */*" in passing.lines
    assert [head.replace(b"x-request-id: %d" % n, b"") for n, head in enumerate(heads)] == [
        heads[0].replace(b"x-request-id: 0", b"")
    ] * 3


def test_what_is_handed_out_is_nobody_elses() -> None:
    passing = Passing([(b"accept", b"*/*")])
    for _ in range(3):
        end_to_end_request(request_of([ID, (b"accept", b"*/*")], passing=passing)).clear()
    assert end_to_end_request(request_of([ID, (b"accept", b"*/*")], passing=passing))[1] == (b"accept", b"*/*")


@pytest.mark.parametrize("raw", [[], [ID, SAID, (b"x", b"secret")], [ID, (b"x", b"secret")], [SAID], [SAID, SAID]])
def test_nothing_is_remembered_of_what_plugins_add(raw: RawHeaders) -> None:
    passing = Passing([SAID])
    for fields in (raw, [ID, SAID]):
        end_to_end_request(request_of(fields, passing=passing))
        assert (passing.held, passing.lines) == (None, b"")


def test_who_the_client_is_is_remembered_and_what_is_concealed_is_not() -> None:
    passing, user = Passing([SAID, (b"apikey", b"k")]), (b"x-consumer-username", b"jack")
    for _ in range(2):
        fields = end_to_end_request(request_of([ID, SAID, user], passing=passing))
        assert fields[:3] == [ID, SAID, user]
    assert passing.held == [SAID, user]
    assert b"apikey" not in passing.lines


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\0b"])
def test_what_can_not_be_sent_is_not_remembered(value: bytes) -> None:
    passing = Passing([(b"x", value)])
    end_to_end_request(request_of([ID, (b"x", value)], passing=passing))
    assert passing.lines == b""
