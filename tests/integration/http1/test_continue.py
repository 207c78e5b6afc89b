"""`100 Continue` is said to a client that waits with its body, once that body is wanted (RFC 9110 section 10.1.1)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from phasegate import Request, Response
from phasegate.limits import Limits
from phasegate.server.serving import Protocol
from tests.http1_client import chunked, request
from tests.integration.http1.conftest import Connect, Listen

EXPECTS = b"Expect: 100-continue"
HEAD = request("POST", "/", EXPECTS, body=b"abc").removesuffix(b"abc")
CHUNKED_HEAD = chunked(fields=(EXPECTS,), last=b"")


async def indifferent(received: Request) -> Response:
    """Answer without a look at the body."""
    return Response(404)


@pytest.mark.parametrize(
    ("head", "body"), [(HEAD, b"abc"), (CHUNKED_HEAD, b"3\r\nabc\r\n0\r\n\r\n")], ids=["length", "chunks"]
)
async def test_it_is_said_once_before_the_answer(
    listen: Listen, connect: Connect, mode: Protocol, head: bytes, body: bytes
) -> None:
    client = await connect(await listen(protocol=mode))
    interim = await client.ask(head)
    answer = await client.ask(body)
    assert (interim.status, answer.status, answer.body) == (100, 200, b"abc")


async def test_it_has_no_fields(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    interim = await client.ask(HEAD)
    assert (interim.reason, interim.fields) == ("Continue", [])


async def test_the_expectation_is_compared_without_case(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    assert (await client.ask(HEAD.replace(b"100-c", b"100-C"))).status == 100


async def test_it_is_said_once_the_body_is_wanted_and_not_before(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def handler(received: Request) -> Response:
        await gate.wait()
        return Response(200, {}, await received.body.read(10))

    client = await connect(await listen(handler))
    await client.send(HEAD)
    assert await client.is_silent()
    gate.set()
    assert (await client.answer()).status == 100
    assert (await client.ask(b"abc")).body == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"abc",
        HEAD + b"a",
        CHUNKED_HEAD + b"3\r\nabc\r\n0\r\n\r\n",
        CHUNKED_HEAD + b"0\r\n\r\n",
        request("POST", "/", EXPECTS, body=b""),
        request("GET", "/", EXPECTS),
    ],
    ids=["whole", "begun", "chunks", "no chunk", "length zero", "no body"],
)
async def test_it_is_not_said_to_a_client_that_does_not_wait(listen: Listen, connect: Connect, data: bytes) -> None:
    client = await connect(await listen())
    await client.send(data + (b"bc" if data.endswith(b"\na") else b""))
    assert (await client.answer()).status == 200


async def test_it_is_said_for_each_request_of_a_connection(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(protocol=mode))
    for _ in range(2):
        assert (await client.ask(HEAD)).status == 100
        assert (await client.ask(b"abc")).status == 200


async def test_it_waits_for_the_answer_before(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    await client.send(request("GET", "/") + HEAD)
    assert [(await client.answer()).status for _ in range(2)] == [200, 100]


async def test_a_body_over_the_limit_is_refused_instead(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(body_bytes=2))
    client = await connect(server)
    answer = await client.ask(HEAD)
    assert (answer.status, answer.get("connection"), await client.rest()) == (413, "close", b"")
    assert not server.application.requests


@pytest.mark.parametrize("head", [HEAD, CHUNKED_HEAD], ids=["length", "chunks"])
async def test_an_answer_without_a_look_at_the_body_comes_instead(
    listen: Listen, connect: Connect, head: bytes
) -> None:
    client = await connect(await listen(indifferent))
    answer = await client.ask(head)
    assert (answer.status, answer.get("connection")) == (404, "close")
    assert await client.rest() == b""


async def test_a_body_sent_for_all_that_is_no_request(listen: Listen, connect: Connect) -> None:
    server = await listen(indifferent)
    client = await connect(server)
    await client.ask(HEAD)
    await client.send(request("GET", "/smuggled"))
    assert (await client.rest(), server.application.paths) == (b"", ["/"])


async def test_it_is_not_said_behind_the_beginning_of_the_answer(listen: Listen, connect: Connect) -> None:
    async def handler(received: Request) -> Response:
        async def stream() -> AsyncIterator[bytes]:
            yield b"begun"
            yield await received.body.read(10)

        return Response(200, {}, stream())

    client = await connect(await listen(handler))
    await client.send(HEAD)
    await asyncio.sleep(0.02)
    await client.send(b"abc")
    assert (await client.answer()).body == b"begunabc"


async def test_http_1_0_gets_none(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    await client.send(HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert await client.is_silent()
    assert (await client.ask(b"abc")).body == b"abc"


@pytest.mark.parametrize("value", [b"200-ok", b"100-continue, 200-ok", b"", b"100-continue;q=1"])
async def test_another_expectation_is_417(listen: Listen, connect: Connect, value: bytes) -> None:
    server = await listen()
    client = await connect(server)
    answer = await client.ask(request("POST", "/", b"Expect: " + value, body=b"abc"))
    assert (answer.status, answer.get("connection"), server.application.requests) == (417, "close", [])
