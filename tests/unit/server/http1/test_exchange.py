"""An answer that is here whole: what leaves, however it was asked for."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Headers, Request, Response
from phasegate.http.headers import RawHeaders
from phasegate.limits import Limits
from phasegate.server.http1.connection import Http1Connection
from phasegate.server.http1.exchange import Http1Exchange
from phasegate.server.listener import Listener
from phasegate.server.outgoing import final_headers, has_no_body
from phasegate.server.roster import Roster
from tests.listening import Scripted, echo

NAMES = st.sampled_from([b"date", b"server", b"content-length", b"connection", b"te", b"set-cookie", b"x-a"])
VALUES = st.sampled_from([b"", b"1", b"2", b"\xff", b": ", b"Phasegate"])


def connected(written: list[bytes]) -> Http1Connection:
    transport: Any = mock.Mock(write=written.append, is_closing=lambda: False)
    connection = Http1Connection(Listener(Scripted(echo), Roster(Limits())), transport, "192.0.2.1")
    connection.begin()
    return connection


async def sent(request: Request, response: Response, *, persistent: bool) -> tuple[bytes, Http1Exchange]:
    """Return what leaves for an answer, and its exchange."""
    written: list[bytes] = []
    connection = connected(written)
    exchange = Http1Exchange(connection, request, None)
    exchange.persistent = persistent
    assert exchange.send(response) is None
    connection.flush()
    return b"".join(written), exchange


def expected(request: Request, response: Response, body: bytes, *, persistent: bool) -> bytes:
    """Return what is to leave, made of the final fields one by one."""
    fields: RawHeaders = final_headers(response, request.method)
    if not persistent:
        fields.append((b"connection", b"close"))
    elif request.http_version == "1.0":
        fields.append((b"connection", b"keep-alive"))
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    return lines + b"\r\n" + (b"" if has_no_body(request.method, response.status) else body)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.sampled_from([b"", b"abc", bytes(2000)]),
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.sampled_from([200, 204, 299, 304, 404, 503]),
    st.sampled_from(["1.0", "1.1"]),
    st.booleans(),
)
def test_what_leaves_are_the_final_fields_and_the_body(
    raw: RawHeaders, body: bytes, method: str, status: int, version: str, persistent: bool
) -> None:
    request = Request(method, "/", http_version=version)
    response = Response(status, Headers.from_raw(raw), body)
    with mock.patch("time.time", return_value=0.0):
        message, exchange = asyncio.run(sent(request, response, persistent=persistent))
        line, _, rest = message.partition(b"\r\n")
        assert rest == expected(request, response, body, persistent=persistent)
    assert line.startswith(b"HTTP/1.1 %d " % status)
    assert exchange.bytes_sent == (0 if has_no_body(method, status) else len(body))
    assert exchange.persistent is persistent


@pytest.mark.parametrize(("old", "draining"), [(True, False), (False, True)])
async def test_the_last_answer_of_a_connection_says_so(old: bool, draining: bool) -> None:
    written: list[bytes] = []
    connection = connected(written)
    if old:
        connection.old_at = connection.loop.time()
    connection.listener.roster.draining = draining
    exchange = Http1Exchange(connection, Request("GET", "/"), None)
    exchange.send(Response(200))
    connection.flush()
    assert b"\r\nconnection: close\r\n" in b"".join(written)
    assert not exchange.persistent
