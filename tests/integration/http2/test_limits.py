"""The limits of sizes, as an HTTP/2 client meets them (docs/http.md)."""

import asyncio
from collections.abc import Mapping

import pytest
from h2.errors import ErrorCodes

from phasegate import Request, Response
from phasegate.limits import Limits
from tests.http2_client import Answer, Connect, Fields, Listen, data, head, raw

CALM = ErrorCodes.ENHANCE_YOUR_CALM


def code_of(answer: Answer) -> bytes:
    """Return the code of a problem."""
    return bytes(answer.body).partition(b'"code":"')[2].partition(b'"')[0]


TOO_MUCH: dict[str, tuple[Mapping[str, int], Fields, int, bytes]] = {
    "a target": ({"target_bytes": 50}, head("/" + "x" * 50), 414, b"target_too_long"),
    "fields by their size": ({"head_bytes": 1000}, head(fields=[("x", "y" * 1000)]), 431, b"head_too_large"),
    "fields by their number": ({"head_fields": 10}, head(fields=[("x", "y")] * 10), 431, b"head_too_large"),
    "many small ones": ({"head_bytes": 1000}, head(fields=[("x" * 10, "y" * 10)] * 50), 431, b"head_too_large"),
}


@pytest.mark.parametrize(("limits", "fields", "status", "code"), TOO_MUCH.values(), ids=TOO_MUCH)
async def test_a_head_that_is_too_large_is_answered(
    listen: Listen, connect: Connect, limits: Mapping[str, int], fields: Fields, status: int, code: bytes
) -> None:
    server = await listen(limits=Limits(**limits))
    client = await connect(server)
    answer = await client.get(1, fields)
    assert (answer.status, code_of(answer)) == (status, code)
    assert (await client.get(3)).status == 200
    assert server.application.paths == ["/"]


async def test_trailers_that_are_too_large_are_431(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=1000)))
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"body"))
    client.send(client.headers(1, [(b"x", b"y" * 1000)]))
    answer = await client.answer()
    assert (answer.status, code_of(answer)) == (431, b"head_too_large")
    assert (await client.get(3)).status == 200


JUST_ENOUGH: dict[str, tuple[Mapping[str, int], Fields]] = {
    "a target": ({"target_bytes": 50}, head("/" + "x" * 49)),
    "fields by their number": ({"head_fields": 10}, head(authority=None, fields=[("host", "h"), *[("x", "y")] * 9])),
}


@pytest.mark.parametrize(("limits", "fields"), JUST_ENOUGH.values(), ids=JUST_ENOUGH)
async def test_a_head_that_is_as_large_as_it_may_be_is_served(
    listen: Listen, connect: Connect, limits: Mapping[str, int], fields: Fields
) -> None:
    client = await connect(await listen(limits=Limits(**limits)))
    assert (await client.get(1, fields)).status == 200


async def test_a_head_far_beyond_its_limit_ends_the_connection(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=1000, head_fields=10)))
    client.send(client.headers(1, head(fields=[("x" * 10, "y" * 100)] * 50)))
    assert await client.end() is CALM


async def test_a_block_far_beyond_its_limit_ends_the_connection_before_it_is_whole(
    listen: Listen, connect: Connect
) -> None:
    client = await connect(await listen(limits=Limits(head_bytes=1000)))
    client.send(client.headers(1, whole=False), *[raw(9, bytes(10_000), stream=1)] * 3)
    assert await client.end() is CALM


async def test_a_body_that_is_declared_too_long_is_refused_before_it_is_read(listen: Listen, connect: Connect) -> None:
    server = await listen(limits=Limits(body_bytes=100))
    client = await connect(server)
    declared = head(method="POST", fields=[("content-length", "101"), ("expect", "100-continue")])
    client.send(client.headers(1, declared, end=False))
    answer = await client.answer()
    assert (answer.status, code_of(answer), answer.interim) == (413, b"payload_too_large", [])
    assert server.application.paths == []


async def test_a_body_that_grows_too_long_is_refused_while_it_is_read(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(body_bytes=100)))
    client.send(client.headers(1, head(method="POST"), end=False), *[data(1, bytes(60))] * 2)
    answer = await client.answer()
    assert (answer.status, code_of(answer)) == (413, b"payload_too_large")
    assert (await client.get(3)).status == 200


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_as_long_as_it_may_be_is_read(listen: Listen, connect: Connect, declared: bool) -> None:
    client = await connect(await listen(limits=Limits(body_bytes=100)))
    fields = head(method="POST", fields=[("content-length", "100")] if declared else [])
    client.send(client.headers(1, fields, end=False), data(1, bytes(100), end=True))
    assert (await client.answer()).body == bytes(100)


async def test_a_body_that_grows_too_long_is_read_without_a_hole(listen: Listen, connect: Connect) -> None:
    read = bytearray()
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        async for block in request.body:
            read.extend(block)
        raise AssertionError("it has no end")

    server = await listen(handler, limits=Limits(body_bytes=100))
    client = await connect(server)
    client.send(client.headers(1, head(method="POST"), end=False))
    client.send(data(1, b"a" * 90), data(1, b"b" * 20), data(1, b"c" * 5, end=True))
    await client.ping()
    release.set()
    assert (await client.answer()).status == 413
    assert bytes(read) in (b"a" * 90, b"a" * 90 + b"b" * 10)
