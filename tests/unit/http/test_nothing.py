"""The body of all requests that have none: whoever has it, it stays what it is."""

from __future__ import annotations

from phasegate.http.body import NOTHING


async def test_nothing_stays_nothing() -> None:
    for _ in range(2):
        assert NOTHING.held
        assert NOTHING.data == b""
        assert NOTHING.length == 0
        assert await NOTHING.read(0) == b""
        assert [block async for block in NOTHING] == []
        assert await NOTHING.hold(0) is NOTHING
        NOTHING.limit(0)
        await NOTHING.settle()
        NOTHING.close()
