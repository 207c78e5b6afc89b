"""Windows, of any size and both ways, and streams that share a connection (RFC 9113 section 5.2 and 6.9)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from phasegate import Request, Response
from tests.http2_client import LARGEST_WINDOW, Connect, Listen, data, head

BODY = bytes(range(256)) * 4096
"""1 MiB of which no part looks like another that is near."""


async def serves(request: Request) -> Response:
    """Answer with so many bytes as the path says; `/streamed/N` in blocks, `/echo` with the body."""
    match request.path.split("/")[1:]:
        case ["streamed", size]:
            return Response(200, {}, blocks(int(size)))
        case ["echo"]:
            return Response(200, {}, b"".join([block async for block in request.body]))
        case [size]:
            return Response(200, {}, BODY[: int(size)])
    raise AssertionError(request.path)


async def blocks(size: int) -> AsyncIterator[bytes]:
    for place in range(0, size, 10_000):
        await asyncio.sleep(0)
        yield BODY[place : min(size, place + 10_000)]


@pytest.mark.parametrize("path", ["/1000000", "/streamed/1000000"])
async def test_a_large_answer_keeps_to_the_windows(listen: Listen, connect: Connect, path: str) -> None:
    client = await connect(await listen(serves))
    assert (await client.get(1, head(path))).body == BODY[:1_000_000]


@pytest.mark.parametrize("size", [1, 7, 1000, 16_384])
async def test_a_large_upload_keeps_to_the_windows(listen: Listen, connect: Connect, size: int) -> None:
    client = await connect(await listen(serves))
    body = BODY[: min(len(BODY), 500 * size)]
    client.send(client.headers(1, head("/echo", method="POST"), end=False))
    await client.upload(1, body, frame_bytes=size)
    assert (await client.answer()).body == body


@pytest.mark.parametrize("path", ["/20", "/streamed/20"])
async def test_an_answer_through_a_window_of_one_byte(listen: Listen, connect: Connect, path: str) -> None:
    client = await connect(await listen(serves), settings={4: 1})
    await client.ping()
    answer = await client.get(1, head(path))
    assert (answer.body, answer.frames >= 20) == (BODY[:20], True)


@pytest.mark.parametrize("path", ["/2000", "/streamed/20000"])
async def test_an_answer_waits_for_a_window_of_nothing(listen: Listen, connect: Connect, path: str) -> None:
    client = await connect(await listen(serves), settings={4: 0})
    await client.ping()
    client.send(client.headers(1, head(path)))
    await client.until(lambda: bool(client.answers[1].fields))
    await client.ping()
    assert client.answers[1].body == b""
    client.open(1, 1000)
    await client.until(lambda: len(client.answers[1].received) == 1000)
    client.open(1, LARGEST_WINDOW - 2000)
    assert (await client.answer()).body == BODY[: int(path.rsplit("/", maxsplit=1)[-1])]


async def test_settings_open_the_windows_of_streams_that_are_open(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves), settings={4: 0}, opens_windows=False)
    await client.ping()
    client.send(client.headers(1, head("/2000")))
    client.set({4: 1500})
    await client.until(lambda: len(client.answers[1].received) == 1500)
    client.set({4: 2000})
    assert (await client.answer()).body == BODY[:2000]


async def test_settings_can_take_a_window_below_nothing(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves), settings={4: 1000}, opens_windows=False)
    await client.ping()
    client.send(client.headers(1, head("/2000")))
    await client.until(lambda: len(client.answers[1].received) == 1000)
    client.set({4: 100})
    client.open(1, 800)
    await client.ping()
    assert (len(client.answers[1].received), client.answers[1].window) == (1000, -100)
    client.open(1, 101)
    await client.until(lambda: len(client.answers[1].received) == 1001)
    client.open(1, 2000)
    assert (await client.answer()).body == BODY[:2000]


async def test_an_answer_may_end_though_its_window_is_below_nothing(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def ends() -> AsyncIterator[bytes]:
        yield bytes(1000)
        await gate.wait()

    async def handler(request: Request) -> Response:
        return Response(200, {}, ends())

    client = await connect(await listen(handler), settings={4: 1000}, opens_windows=False)
    await client.ping()
    client.send(client.headers(1))
    await client.until(lambda: len(client.answers[1].received) == 1000)
    client.set({4: 0})
    await client.ping()
    gate.set()
    assert (await client.answer()).ended


async def test_the_window_of_the_connection_holds_for_all_streams(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves), opens_windows=False)
    client.send(client.headers(1, head("/60000")), client.headers(3, head("/60000")))
    await client.until(lambda: client.window == 0)
    await client.ping()
    client.open(0, 60_000 * 2 - 65_535)
    assert [(await client.answer(stream)).body for stream in (1, 3)] == [BODY[:60_000]] * 2


async def test_frames_may_be_as_large_as_the_client_takes(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves), settings={4: LARGEST_WINDOW, 5: (1 << 24) - 1})
    client.open(0, 1 << 24)
    await client.ping()
    assert (await client.get(1, head("/1000000"))).body == BODY[:1_000_000]


async def test_a_hundred_streams_are_answered_right(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    sizes = {stream: 1000 * stream for stream in range(1, 200, 2)}
    client.send(*[client.headers(stream, head(f"/{size}")) for stream, size in sizes.items()])
    for stream, size in sizes.items():
        assert (await client.answer(stream)).body == BODY[:size]


async def test_a_hundred_uploads_arrive_each_at_its_own(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    streams = range(1, 200, 2)
    client.send(*[client.headers(stream, head("/echo", method="POST"), end=False) for stream in streams])
    for place in range(0, 5000, 1000):
        client.send(*[data(stream, BODY[stream + place : stream + place + 1000]) for stream in streams])
    client.send(*[data(stream, end=True) for stream in streams])
    for stream in streams:
        assert (await client.answer(stream)).body == BODY[stream : stream + 5000]


async def test_a_hundred_streams_have_like_shares(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves))
    client.send(*[client.headers(stream, head("/100000")) for stream in range(1, 200, 2)])
    await client.until(lambda: any(answer.ended for answer in client.answers.values()))
    assert min(len(answer.received) for answer in client.answers.values()) > 50_000


@pytest.mark.parametrize("path", ["/1000000", "/streamed/1000000"])
async def test_streams_share_a_connection_whose_window_is_narrow(listen: Listen, connect: Connect, path: str) -> None:
    client = await connect(await listen(serves), settings={4: LARGEST_WINDOW >> 1})
    await client.ping()
    client.send(*[client.headers(stream, head(path)) for stream in (1, 3, 5, 7)])
    for stream in (1, 3, 5, 7):
        await client.until(lambda stream=stream: len(client.answers[stream].received) > 200_000)  # type: ignore[misc]
    assert all(len(answer.received) < 600_000 for answer in client.answers.values())


@pytest.mark.parametrize("path", ["/1000000", "/streamed/1000000"])
async def test_streams_share_a_connection_that_is_read_slowly(listen: Listen, connect: Connect, path: str) -> None:
    client = await connect(await listen(serves), settings={4: LARGEST_WINDOW >> 1}, receive_buffer=16_384)
    client.open(0, LARGEST_WINDOW >> 1)
    await client.ping()
    client.send(*[client.headers(stream, head(path)) for stream in (1, 3, 5, 7)])
    for stream in (1, 3, 5, 7):
        await client.until(lambda stream=stream: len(client.answers[stream].received) > 200_000)  # type: ignore[misc]
    assert all(len(answer.received) < 600_000 for answer in client.answers.values())


async def test_a_small_answer_need_not_wait_for_a_large_one(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(serves), settings={4: LARGEST_WINDOW >> 1, 5: (1 << 24) - 1})
    client.open(0, LARGEST_WINDOW >> 1)
    await client.ping()
    client.send(client.headers(1, head("/1000000")), client.headers(3, head("/1000")))
    await client.answer(3)
    assert len(client.answers[1].received) < 500_000
