"""What is read out of frames and coroutines: the plugin, its phase, its request, and the line."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import FrameType
from typing import ClassVar

from phasegate import Exchange, Plugin, Response, Route, Services, hookimpl
from phasegate.server.whereabouts import Whereabouts, of_frame, of_task, within
from phasegate.testing import FakeUpstream, Reply, make_exchange
from phasegate.testing.fixtures import Opener
from phasegate.upstream.answers import AnswerBody

HERE = Whereabouts("does", "access", "r", "test-request-id")


@dataclass(kw_only=True)
class Does(Plugin):
    """Does in its phase what the test says."""

    name: ClassVar[str] = "does"
    what: ClassVar[Callable[["Does"], Awaitable[object]]]

    async def open(self, services: Services) -> None:
        self.client = services.client

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        await type(self).what(self)
        return None


async def under_way(plugin: Does, what: Callable[[Does], Awaitable[object]]) -> asyncio.Task[Response | None]:
    """Begin a phase in a task, and let it come to where it waits."""
    Does.what = what
    task = asyncio.get_running_loop().create_task(plugin.access(make_exchange(route=Route(id="r", uris=("/",)))))
    await asyncio.sleep(0)
    return task


async def test_a_frame_of_a_function_that_a_phase_calls_is_the_phase_s(opened: Opener) -> None:
    seen: list[FrameType] = []

    def deep() -> None:
        seen.append(sys._getframe())

    async def looks(_: Does) -> None:
        deep()

    await (await under_way(await opened(Does), looks))
    # Outside of the phase by now, a frame has nobody above it any more.
    assert of_frame(seen[0]) is None


async def test_a_phase_that_runs_is_found_with_its_request(opened: Opener) -> None:
    found: list[object] = []

    async def looks(_: Does) -> None:
        frame = sys._getframe()
        found.extend((of_frame(frame), [inner.f_code.co_name for inner in within(frame)]))

    await (await under_way(await opened(Does), looks))
    assert found == [HERE, ["access", "looks"]]


async def test_where_no_plugin_is_there_is_none(opened: Opener) -> None:
    task = asyncio.get_running_loop().create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    assert (of_frame(sys._getframe()), within(sys._getframe()), of_task(task)) == (None, [], None)
    task.cancel()


async def test_a_phase_that_waits_is_found_with_its_line(opened: Opener) -> None:
    async def waits(_: Does) -> None:
        await asyncio.Event().wait()

    task = await under_way(await opened(Does), waits)
    standing = of_task(task)
    assert standing is not None
    assert (standing.where, standing.line.split(":")[0], standing.is_bounded) == (HERE, "locks.py", False)
    task.cancel()


async def test_each_run_of_a_phase_is_another_one(opened: Opener) -> None:
    async def waits(_: Does) -> None:
        await asyncio.Event().wait()

    plugin = await opened(Does)
    first, second = await under_way(plugin, waits), await under_way(plugin, waits)
    one, same, other = of_task(first), of_task(first), of_task(second)
    assert one is not None
    assert same is not None
    assert other is not None
    assert one.coroutine is same.coroutine
    assert one.coroutine is not other.coroutine
    first.cancel()
    second.cancel()


async def test_a_call_of_the_client_has_limits_of_its_own(opened: Opener, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))

    async def asks(plugin: Does) -> None:
        await plugin.client.fetch(upstream.url)

    task = await under_way(await opened(Does), asks)
    await upstream.arrived()
    standing = of_task(task)
    assert standing is not None
    assert (standing.where, standing.is_bounded) == (HERE, True)
    task.cancel()
    await asyncio.wait([task])


class Never:
    """A connection that nothing comes over."""

    async def block(self, seconds: float) -> bytes:
        await asyncio.Event().wait()
        return b""

    def give_up(self) -> None:
        """Nothing to close."""


async def test_so_has_the_body_of_its_answer(opened: Opener) -> None:
    async def reads(_: Does) -> None:
        await Response(200, None, AnswerBody(Never(), 60, None)).read()

    task = await under_way(await opened(Does), reads)
    standing = of_task(task)
    assert standing is not None
    assert (standing.where, standing.line.split(":")[0], standing.is_bounded) == (HERE, "locks.py", True)
    task.cancel()


async def test_a_generator_of_the_plugin_s_own_is_the_phase_s(opened: Opener) -> None:
    async def hangs() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def reads(_: Does) -> None:
        async for block in hangs():
            assert block

    task = await under_way(await opened(Does), reads)
    standing = of_task(task)
    assert standing is not None
    assert (standing.where, standing.line.split(":")[0], standing.is_bounded) == (HERE, "locks.py", False)
    task.cancel()
