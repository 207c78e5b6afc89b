"""Ordinary traffic by the limits as they are without being asked for: none of it is taken for an attack."""

import asyncio
from collections.abc import AsyncIterator

from phasegate import Request, Response
from tests.http2_client import LARGEST_WINDOW, Connect, Listen, data, head, reset

LARGE = bytes(range(256)) * 120_000
"""30 MB."""


async def serves(request: Request) -> Response:
    """Answer in a way that the path says."""
    if request.path == "/large":
        return Response(200, {}, LARGE)
    if request.path == "/events":
        return Response(200, {}, events())
    if request.path == "/waits":
        await asyncio.Event().wait()
    return Response(200, {}, b"".join([block async for block in request.body]))


async def events() -> AsyncIterator[bytes]:
    for number in range(2000):
        yield b"event %04d" % number


async def test_a_large_download_of_a_client_that_acknowledges_every_frame(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    assert (await client.get(1, head("/large"))).body == LARGE
    assert (await client.get(3)).status == 200


async def test_a_stream_of_small_events_to_a_client_that_acknowledges_every_one(
    listen: Listen, connect: Connect
) -> None:
    client = await connect(await listen(serves))
    assert len((await client.get(1, head("/events"))).body) == 2000 * 10
    assert (await client.get(3)).status == 200


async def test_a_burst_of_requests_of_which_most_are_reset(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves), settings={4: 6_291_456})
    client.open(0, 15_663_105)
    client.send(*[client.headers(stream, head("/waits" if stream > 20 else "/")) for stream in range(1, 200, 2)])
    client.send(*[reset(stream) for stream in range(21, 200, 2)])
    assert [(await client.answer(stream)).status for stream in range(1, 20, 2)] == [200] * 10
    assert (await client.get(201)).status == 200


async def test_an_upload_in_small_frames(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    client.send(client.headers(1, head(method="POST"), end=False))
    await client.upload(1, LARGE[:3_000_000], frame_bytes=1024)
    assert (await client.answer()).body == LARGE[:3_000_000]


async def test_uploads_side_by_side(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    streams = range(1, 20, 2)
    client.send(*[client.headers(stream, head(method="POST"), end=False) for stream in streams])
    for stream in streams:
        client.send(*[data(stream, LARGE[:10_000])] * 10, data(stream, end=True))
    assert [(await client.answer(stream)).body for stream in streams] == [LARGE[:10_000] * 10] * 10


async def test_many_requests_one_after_another(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    client.open(0, LARGEST_WINDOW - 65_535)
    for stream in range(1, 3001, 2):
        assert (await client.get(stream)).status == 200
