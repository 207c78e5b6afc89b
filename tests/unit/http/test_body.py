import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from phasegate import BadRequest, Body, PayloadTooLarge
from phasegate.errors import Overloaded
from phasegate.http.body import MEMORY_LIMIT_BYTES, BodyConsumed, Memory


async def blocks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def test_a_stream_is_read_once() -> None:
    body = Body.streaming(blocks(b"ab", b"c"), None)
    assert [block async for block in body] == [b"ab", b"c"]
    with pytest.raises(BodyConsumed, match="hold"):
        await body.read(10)


async def test_a_held_body_is_read_as_often_as_wanted() -> None:
    body = await Body.streaming(blocks(b"ab", b"c"), None).hold(3)
    assert body.length == 3
    assert await body.read(3) == b"abc"
    assert [block async for block in body] == [b"abc"]


async def test_a_declared_length_over_the_limit_is_refused_before_reading() -> None:
    source = blocks(b"never read")
    with pytest.raises(PayloadTooLarge):
        await Body.streaming(source, 11).hold(10)
    assert await anext(source) == b"never read"


async def test_a_stream_over_the_limit_is_refused_while_reading() -> None:
    with pytest.raises(PayloadTooLarge):
        await Body.streaming(blocks(b"12345", b"6"), None).hold(5)


async def test_a_large_body_goes_to_disk_and_comes_back_whole() -> None:
    parts = [bytes([number]) * 300_000 for number in range(8)]
    body = await Body.streaming(blocks(*parts), None).hold(10_000_000)
    assert body.length == 2_400_000 > MEMORY_LIMIT_BYTES
    assert body._data is None
    assert await body.read(10_000_000) == b"".join(parts)
    assert await body.sha256() == hashlib.sha256(b"".join(parts)).hexdigest()
    body.close()
    assert body._file is not None
    assert body._file.closed


async def test_bodies_take_no_more_memory_together_than_they_may() -> None:
    memory, size = Memory(250_000, 10), 200_000
    first, second, third = [Body.streaming(blocks(bytes(size)), None, memory) for _ in range(3)]
    await first.hold(size)
    await second.hold(size)
    assert (first._file, second._data) == (None, None)
    assert await second.read(size) == bytes(size)
    first.close()
    await third.hold(size)
    assert third._file is None
    second.close()
    third.close()
    assert memory.taken == 0


async def test_no_more_bodies_wait_on_disk_than_may() -> None:
    memory, size = Memory(0, 1), 200_000
    first, second = [Body.streaming(blocks(bytes(size)), None, memory) for _ in range(2)]
    await first.hold(size)
    with pytest.raises(Overloaded, match=r"limits\.body_files"):
        await second.hold(size)
    second.close()
    for _ in range(2):
        first.close()
    assert memory.files == 0
    third = await Body.streaming(blocks(bytes(size)), None, memory).hold(size)
    assert memory.files == 1
    third.close()


async def test_a_body_that_breaks_off_gives_its_memory_back() -> None:
    memory = Memory(1_000_000, 10)
    body = Body.streaming(blocks(bytes(200_000), bytes(200_000)), 999_999, memory)
    with pytest.raises(BadRequest):
        await body.hold(1_000_000)
    body.close()
    assert memory.taken == 0


async def test_small_bodies_wait_for_no_room() -> None:
    body = await Body.streaming(blocks(bytes(60_000)), None, Memory(1, 10)).hold(60_000)
    assert body._file is None


async def test_small_blocks_take_the_memory_of_what_they_hold() -> None:
    async def crumbs() -> AsyncIterator[bytes]:
        for number in range(60_000):
            yield b"%016d" % number

    tracemalloc.start()
    try:
        await Body.streaming(crumbs(), None).hold(1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_500_000


async def test_the_digest_of_a_small_body() -> None:
    assert await Body(b"abc").sha256() == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("parts", [(b"ab",), (b"ab", b"cd")])
async def test_a_body_of_another_length_than_declared_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(BadRequest, match="Content-Length"):
        await Body.streaming(blocks(*parts), 3).hold(10)
    with pytest.raises(BadRequest, match="Content-Length"):
        [block async for block in Body.streaming(blocks(*parts), 3)]


async def test_settling_tells_a_body_from_none() -> None:
    empty, full = Body.streaming(blocks(), None), Body.streaming(blocks(b"ab", b"c"), None)
    await empty.settle()
    await full.settle()
    assert (empty.held, empty.length) == (True, 0)
    assert (full.held, full.length) == (False, None)
    assert [block async for block in full] == [b"ab", b"c"]


@pytest.mark.parametrize(("limit", "fits"), [(3, True), (2, False)])
async def test_a_limit_holds_for_whoever_reads_a_body_of_unknown_length(limit: int, *, fits: bool) -> None:
    reads: list[Callable[[Body], Awaitable[object]]] = [
        lambda body: body.hold(100),
        lambda body: anext(aiter(body)),
        lambda body: body.settle(),
    ]
    for read in reads:
        body = Body.streaming(blocks(b"abc"), None)
        body.limit(limit)
        if fits:
            await read(body)
        else:
            with pytest.raises(PayloadTooLarge):
                await read(body)


def test_a_body_that_is_declared_or_known_to_be_longer_is_refused_at_once() -> None:
    for body in (Body(b"abc"), Body.streaming(blocks(), 3)):
        body.limit(3)
        with pytest.raises(PayloadTooLarge):
            body.limit(2)


async def test_a_body_on_disk_can_be_limited_too() -> None:
    body = await Body.streaming(blocks(b"x" * (MEMORY_LIMIT_BYTES + 1)), None).hold(10_000_000)
    body.limit(10_000_000)
    with pytest.raises(PayloadTooLarge):
        body.limit(MEMORY_LIMIT_BYTES)
    body.close()
