import asyncio
import threading
import time
from types import FrameType

from phasegate.server.standstill import Standstill


class Told:
    """What a watch has told of, from its thread."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.seconds: list[float] = []
        self.over = threading.Event()

    def noticed(self, frame: FrameType | None) -> None:
        while frame is not None:
            self.names.append(frame.f_code.co_name)
            frame = frame.f_back

    def goes_on(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.over.set()


def blocks(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_loop_that_stands_still_is_noticed_once_with_where_it_stands() -> None:
    told = Told()
    watch = Standstill(0.1, told.noticed, told.goes_on)
    blocks(0.6)
    assert await asyncio.to_thread(told.over.wait, 5)
    watch.close()
    assert told.names.count("blocks") == 1
    assert 0.1 <= told.seconds[0] < 5


async def test_closing_waits_for_nothing() -> None:
    watches = [Standstill(60, Told().noticed) for _ in range(3)]
    began = time.monotonic()
    for watch in watches:
        watch.close()
    assert time.monotonic() - began < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "phasegate-standstill"]


async def test_a_loop_that_turns_is_left_alone() -> None:
    told = Told()
    watch = Standstill(2, told.noticed)
    await asyncio.sleep(0.05)
    watch.close()
    assert told.names == []
