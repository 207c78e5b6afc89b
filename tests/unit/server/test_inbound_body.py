"""A request's body on its way from the client to its reader."""

import tracemalloc

from phasegate.server.inbound_body import InboundBody


def ignore(_: int) -> None:
    """Take note of nothing."""


async def test_small_blocks_that_wait_take_the_memory_of_what_they_hold() -> None:
    body = InboundBody(ignore)
    tracemalloc.start()
    try:
        for number in range(10_000):
            body.feed(b"%016d" % number)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 250_000
    body.end()
    assert b"".join([block async for block in body.blocks()]) == b"".join(b"%016d" % number for number in range(10_000))


async def test_what_was_read_is_told_whole_however_it_came() -> None:
    consumed: list[int] = []
    body = InboundBody(consumed.append)
    for block in (b"a", b"b" * 5000, b"c", b"d" * 3000, b"e" * 3000):
        body.feed(block)
    body.end()
    received = [block async for block in body.blocks()]
    assert b"".join(received) == b"a" + b"b" * 5000 + b"c" + b"d" * 3000 + b"e" * 3000
    assert (consumed, sum(consumed), body.size) == ([len(block) for block in received], 11_002, 0)
