"""Heads and bodies over their sizes are refused, as soon as that can be known."""

import asyncio

import pytest

from phasegate.limits import Limits
from tests.http1_client import chunked, request, trickle
from tests.integration.http1.conftest import Connect, Listen

MEGABYTE = 1_000_000
BEGUN = b"GET / HTTP/1.1\r\nHost: h\r\n"


async def test_a_target_may_be_as_long_as_its_limit(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(target_bytes=100)))
    assert (await client.ask(request("GET", "/" + "a" * 99))).status == 200


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/" + "a" * 100),
        request("GET", "/?" + "a" * 99),
        request("GET", "http://h/" + "a" * 92),
        b"GET /" + b"a" * 100,
        b"GET /" + b"a" * 1_000_000,
    ],
    ids=["path", "query", "absolute", "unfinished", "endless"],
)
async def test_a_longer_target_is_414(listen: Listen, connect: Connect, data: bytes) -> None:
    server = await listen(limits=Limits(target_bytes=100))
    client = await connect(server)
    sending = asyncio.create_task(client.send(data))
    answer = await client.answer()
    assert (answer.status, answer.get("connection"), server.application.requests) == (414, "close", [])
    sending.cancel()


async def test_fields_may_be_as_long_as_their_limit(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=1000)))
    assert (await client.ask(request("GET", "/", b"X: " + b"x" * 900))).status == 200


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/", b"X: " + b"x" * 1000),
        request("GET", "/", *(b"X: y" for _ in range(200))),
        request("GET", "/", b"x" * 1000 + b": y"),
        BEGUN + b"X: " + b"x" * 1200,
        BEGUN + b"x" * 1200,
        BEGUN + b"X: " + b"x" * 1_000_000,
        BEGUN + b"X: y\r\n" * 200,
        BEGUN + b"X: y\r\n" * 200_000,
    ],
    ids=["a value", "many", "a name", "unfinished value", "unfinished name", "endless value", "unfinished", "endless"],
)
async def test_longer_fields_are_431(listen: Listen, connect: Connect, data: bytes) -> None:
    server = await listen(limits=Limits(head_bytes=1000, target_bytes=100))
    client = await connect(server)
    sending = asyncio.create_task(client.send(data))
    answer = await client.answer()
    assert (answer.status, answer.get("connection"), server.application.requests) == (431, "close", [])
    sending.cancel()


@pytest.mark.parametrize("line", [b"X: " + b"x" * 5000, b"X: y\r\n" * 1000], ids=["one line", "many lines"])
async def test_a_head_that_comes_byte_by_byte_is_431_too(listen: Listen, connect: Connect, line: bytes) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=300, target_bytes=100)))
    assert (await trickle(client, BEGUN + line, 0)).status == 431


async def test_the_second_head_of_a_connection_is_measured_for_itself(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=1000)))
    for _ in range(3):
        assert (await client.ask(request("GET", "/", b"X: " + b"x" * 900))).status == 200
    assert (await client.ask(request("GET", "/", b"X: " + b"x" * 1000))).status == 431


async def test_there_may_be_as_many_fields_as_their_limit(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_fields=10)))
    assert (await client.ask(request("GET", "/", *(b"X: y" for _ in range(9))))).status == 200


@pytest.mark.parametrize("end", [b"\r\n", b""], ids=["finished", "unfinished"])
async def test_more_fields_are_431(listen: Listen, connect: Connect, end: bytes) -> None:
    server = await listen(limits=Limits(head_fields=10))
    client = await connect(server)
    # The last of them is known for one once the next begins.
    answer = await client.ask(BEGUN + b"X: y\r\n" * 11 + end)
    assert (answer.status, answer.get("connection"), server.application.requests) == (431, "close", [])


async def test_a_body_may_be_as_long_as_its_limit(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(body_bytes=10)))
    assert (await client.ask(request("POST", "/", body=bytes(10)))).body == bytes(10)
    assert (await client.ask(chunked(bytes(6), bytes(4)))).body == bytes(10)


async def test_a_body_declared_longer_is_413_before_it_is_read(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(body_bytes=10))
    client = await connect(server)
    answer = await client.ask(request("POST", "/", b"Content-Length: 11"))
    assert (answer.status, answer.get("connection"), await client.rest()) == (413, "close", b"")
    assert server.application.requests == []


@pytest.mark.parametrize("blocks", [(bytes(11),), (bytes(6), bytes(5)), (b"x",) * 11])
async def test_chunks_of_more_are_413_while_they_are_read(
    listen: Listen, connect: Connect, blocks: tuple[bytes, ...]
) -> None:
    client = await connect(await listen(limits=Limits(body_bytes=10)))
    answer = await client.ask(chunked(*blocks))
    assert (answer.status, answer.get("connection"), await client.rest()) == (413, "close", b"")


async def test_chunks_without_end_are_413(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(body_bytes=MEGABYTE)))
    endless = chunked(*(bytes(10_000) for _ in range(1000)), last=b"")
    sending = asyncio.create_task(client.send(endless))
    assert (await client.answer()).status == 413
    sending.cancel()


@pytest.mark.parametrize(
    "chunk",
    [b"1;" + b"a" * 100 + b"\r\nx\r\n", b'1;a="' + b"b" * 1000 + b'"\r\nx\r\n', b"0" * 100 + b"1\r\nx\r\n"],
    ids=["extensions", "a long extension", "zeros"],
)
async def test_chunks_that_say_more_of_themselves_than_they_hold_are_400(
    listen: Listen, connect: Connect, chunk: bytes
) -> None:
    client = await connect(await listen())
    sending = asyncio.create_task(client.send(chunked(last=b"") + chunk * 3000))
    assert (await client.answer()).status == 400
    sending.cancel()


async def test_an_endless_extension_is_400(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    sending = asyncio.create_task(client.send(chunked(last=b"1;") + b"a" * MEGABYTE))
    assert (await client.answer()).status == 400
    sending.cancel()


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 100_000, b"X: " + b"x" * MEGABYTE], ids=["many", "one"])
async def test_endless_trailers_are_refused(listen: Listen, connect: Connect, trailers: bytes) -> None:
    client = await connect(await listen())
    sending = asyncio.create_task(client.send(chunked(b"abc", last=b"0\r\n") + trailers))
    assert (await client.answer()).status in (400, 431)
    sending.cancel()


async def test_an_endless_trailer_behind_a_long_body_is_431(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    sending = asyncio.create_task(client.send(chunked(bytes(MEGABYTE), last=b"0\r\nX: ") + b"x" * MEGABYTE))
    assert (await client.answer()).status == 431
    sending.cancel()


async def test_chunks_of_one_byte_are_taken(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    assert (await client.ask(chunked(*(b"x" for _ in range(30_000))))).body == b"x" * 30_000
