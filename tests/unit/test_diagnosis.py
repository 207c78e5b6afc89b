import asyncio
import threading

import pytest

from phasegate import in_thread


async def test_a_blocking_call_leaves_the_loop_to_others() -> None:
    gate = threading.Event()
    waiting = asyncio.create_task(in_thread(lambda: gate.wait(10)))
    await asyncio.sleep(0)
    gate.set()
    assert await waiting is True


async def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await in_thread(fail)


async def test_whoever_gives_up_waits_no_longer() -> None:
    gate = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await in_thread(lambda: gate.wait(10))
    gate.set()


async def test_the_thread_keeps_no_program_from_ending() -> None:
    assert await in_thread(lambda: threading.current_thread().daemon)
