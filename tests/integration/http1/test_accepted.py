"""What is in form is served, in whatever pieces it comes."""

import asyncio

import pytest

from phasegate.limits import Limits
from phasegate.server.serving import Protocol
from tests.http1_client import chunked, request
from tests.integration.http1.conftest import Connect, Listen

HOST = b"Host: h\r\n"
CODED = b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
ACCEPTED = {
    "path and query": (b"GET /a/b?c=d HTTP/1.1\r\n" + HOST + b"\r\n", "GET /a/b", b""),
    "empty lines first": (b"\r\n\r\nGET /a HTTP/1.1\r\n" + HOST + b"\r\n", "GET /a", b""),
    "HTTP/1.0 without Host": (b"GET /a HTTP/1.0\r\n\r\n", "GET /a", b""),
    "absolute form": (b"GET http://other.test/a HTTP/1.1\r\n" + HOST + b"\r\n", "GET /a", b""),
    "absolute form without path": (b"GET http://other.test HTTP/1.1\r\n" + HOST + b"\r\n", "GET /", b""),
    "an address as Host": (b"GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /a", b""),
    "capitals": (b"POST /a HTTP/1.1\r\nHOST: h\r\nCONTENT-LENGTH: 3\r\n\r\nabc", "POST /a", b"abc"),
    "no space": (b"POST /a HTTP/1.1\r\nhost:h\r\ncontent-length:3\r\n\r\nabc", "POST /a", b"abc"),
    "much space": (b"POST /a HTTP/1.1\r\nHost: \t h\t \r\nContent-Length:  3  \r\n\r\nabc", "POST /a", b"abc"),
    "an empty value": (b"GET /a HTTP/1.1\r\nX:\r\nY: \r\n" + HOST + b"\r\n", "GET /a", b""),
    "no body": (b"POST /a HTTP/1.1\r\n" + HOST + b"\r\n", "POST /a", b""),
    "length zero": (b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", "POST /a", b""),
    "zeros first": (b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 003\r\n\r\nabc", "POST /a", b"abc"),
    "a body of GET": (b"GET /a HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", "GET /a", b"abc"),
    "chunks": (CODED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "POST /a", b"abcde"),
    "no chunk": (CODED + b"0\r\n\r\n", "POST /a", b""),
    "coding in capitals": (
        b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "POST /a",
        b"a",
    ),
    "sizes in capitals": (CODED + b"A\r\n0123456789\r\n0\r\n\r\n", "POST /a", b"0123456789"),
    "sizes with zeros first": (CODED + b"0003\r\nabc\r\n000\r\n\r\n", "POST /a", b"abc"),
    "extensions": (CODED + b'3;a=b;c="d";e\r\nabc\r\n0;f\r\n\r\n', "POST /a", b"abc"),
    "trailers": (CODED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: other\r\n\r\n", "POST /a", b"abc"),
    "RTSP in a value": (b"GET /a HTTP/1.1\r\nX: GET /a RTSP/1.0\r\n" + HOST + b"\r\n", "GET /a", b""),
    "RTSP in a body": (request("POST", "/a", body=b"GET / RTSP/1.0\r\n\r\n"), "POST /a", b"GET / RTSP/1.0\r\n\r\n"),
    **{
        method: (request(method, "/a"), f"{method} /a", b"")
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH", "PURGE", "QUERY")
    },
}
one_loop = pytest.mark.asyncio(loop_factories=["uvloop"])
cases = pytest.mark.parametrize(("data", "line", "body"), ACCEPTED.values(), ids=ACCEPTED.keys())
# What asks for another protocol is served as if it did not.
UPGRADES = {
    "no body": (request("GET", "/a", b"Connection: Upgrade", b"Upgrade: h2c"), b""),
    "length": (request("POST", "/a", b"Connection: Upgrade", b"Upgrade: h2c", body=b"abc"), b"abc"),
    "long": (request("POST", "/a", b"Connection: Upgrade", b"Upgrade: h2c", body=b"abc" * 9999), b"abc" * 9999),
    "chunks": (chunked(b"ab", b"c", path="/a", fields=(b"Connection: Upgrade", b"Upgrade: h2c")), b"abc"),
    "no chunk": (chunked(path="/a", fields=(b"Connection: Upgrade", b"Upgrade: h2c")), b""),
    "trailers": (
        chunked(b"ab", path="/a", fields=(b"Connection: Upgrade", b"Upgrade: x"), last=b"0\r\nX: y\r\n\r\n"),
        b"ab",
    ),
    "TLS": (request("OPTIONS", "/a", b"Connection: Upgrade", b"Upgrade: TLS/1.2"), b""),
    "WebSocket with a body": (
        request("GET", "/a", b"Connection: Upgrade", b"Upgrade: websocket", body=b"GET /b HTTP/1.1\r\n\r\n"),
        b"GET /b HTTP/1.1\r\n\r\n",
    ),
    "WebSocket by POST": (request("POST", "/a", b"Connection: Upgrade", b"Upgrade: websocket", body=b"abc"), b"abc"),
}
upgrades = pytest.mark.parametrize(("data", "body"), UPGRADES.values(), ids=UPGRADES.keys())


@cases
async def test_what_is_in_form_is_served(
    listen: Listen, connect: Connect, mode: Protocol, data: bytes, line: str, body: bytes
) -> None:
    if mode == "hypercorn" and data.startswith(b"\r\n"):
        pytest.skip("stock Hypercorn takes no empty lines")
    client = await connect(await listen(protocol=mode))
    answer = await client.ask(data)
    assert (answer.status, answer.get("x-request"), answer.body) == (200, line, body)


@one_loop
@cases
async def test_bytes_may_come_one_by_one(listen: Listen, connect: Connect, data: bytes, line: str, body: bytes) -> None:
    client = await connect(await listen())
    for byte in data:
        await client.send(bytes([byte]))
        await asyncio.sleep(0)
    answer = await client.answer()
    assert (answer.status, answer.get("x-request"), answer.body) == (200, line, body)


@one_loop
@cases
async def test_a_request_behind_is_served_too(
    listen: Listen, connect: Connect, data: bytes, line: str, body: bytes
) -> None:
    if b"HTTP/1.0" in data:
        pytest.skip("HTTP/1.0 closes")
    client = await connect(await listen())
    await client.send(data + request("GET", "/b"))
    assert [(await client.answer()).get("x-request") for _ in range(2)] == [line, "GET /b"]


@upgrades
async def test_a_request_that_asks_for_another_protocol_is_served_in_this_one(
    listen: Listen, connect: Connect, data: bytes, body: bytes
) -> None:
    client = await connect(await listen())
    await client.send(data + request("PUT", "/b", body=b"next"))
    first, second = [await client.answer() for _ in range(2)]
    assert (first.status, first.body, second.body) == (200, body, b"next")


@pytest.mark.parametrize(
    "last",
    [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
async def test_what_asks_for_another_protocol_may_use_all_of_its_limit(
    listen: Listen, connect: Connect, last: bytes
) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=200)))
    lines = request("POST", "/a", b"Connection: Upgrade", b"Upgrade: h2c", b"X: " + b"x" * 120).removesuffix(b"\r\n")
    answer = await client.ask(lines + last)
    assert (answer.status, answer.body) == (200, b"abc")


@one_loop
@upgrades
async def test_what_asks_for_another_protocol_may_come_byte_by_byte(
    listen: Listen, connect: Connect, data: bytes, body: bytes
) -> None:
    client = await connect(await listen())
    for byte in data[:300]:
        await client.send(bytes([byte]))
        await asyncio.sleep(0)
    await client.send(data[300:] + request("PUT", "/b", body=b"next"))
    first, second = [await client.answer() for _ in range(2)]
    assert (first.status, first.body, second.body) == (200, body, b"next")


async def test_the_authority_of_an_absolute_target_goes_before_host(
    listen: Listen, connect: Connect, mode: Protocol
) -> None:
    server = await listen(protocol=mode)
    client = await connect(server)
    await client.ask(b"GET http://Other.test:81/a HTTP/1.1\r\nHost: h\r\n\r\n")
    seen = server.application.requests[0]
    assert (seen.host, seen.port, seen.headers.get_all("host")) == ("other.test", 81, ["Other.test:81"])


async def test_values_are_stripped_and_names_compared_in_lower_case(
    listen: Listen, connect: Connect, mode: Protocol
) -> None:
    server = await listen(protocol=mode)
    client = await connect(server)
    await client.ask(request("GET", "/", b"X-Thing: \t a \t b \t ", b"x-THING:c"))
    assert server.application.requests[0].headers.get_all("x-thing") == ["a \t b", "c"]


async def test_trailers_are_dropped(listen: Listen, connect: Connect, mode: Protocol) -> None:
    server = await listen(protocol=mode)
    client = await connect(server)
    await client.ask(chunked(b"abc", last=b"0\r\nX-Late: 1\r\nX-Consumer-Username: root\r\n\r\n"))
    seen = server.application.requests[0]
    assert {"x-late", "x-consumer-username"}.isdisjoint(dict(seen.headers))


async def test_a_long_body_and_the_next_head_in_one_piece_are_not_one_long_head(
    listen: Listen, connect: Connect
) -> None:
    client = await connect(await listen())
    data = request("POST", "/a", body=bytes(120_000)) + request("GET", "/b")
    await client.send(data[:20])
    await asyncio.sleep(0.01)
    await client.send(data[20:-10])
    await asyncio.sleep(0.01)
    await client.send(data[-10:])
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]


CHUNKS_TO_COME = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


async def test_a_long_head_is_not_counted_to_the_chunks_behind_it(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    await client.send(request("POST", "/a", b"X: " + b"x" * 30_000)[:-2] + CHUNKS_TO_COME)
    await asyncio.sleep(0.01)
    assert (await client.ask(b"0\r\n\r\n")).status == 200


async def test_requests_before_are_not_counted_to_the_chunks_behind_them(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    await client.send(request("GET", "/a") * 600 + request("POST", "/b")[:-2] + CHUNKS_TO_COME)
    assert {(await client.answer()).status for _ in range(600)} == {200}
    assert (await client.ask(b"0\r\n\r\n")).status == 200
