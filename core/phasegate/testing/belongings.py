"""What plugins start on an event loop, and have not ended: tasks, timers and connections."""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from ..plugin import Plugin

# Turns of the loop in which what was cancelled or closed comes to its end.
_TURNS_TO_END = 5


class Belongings:
    """Notes which plugin starts tasks, timers and connections on the running loop, until it is closed.

    Only what is started while a plugin's method runs is taken for the plugin's, directly or in a task of its.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started: list[tuple[weakref.ref[Any], str, Callable[[Any], bool]]] = []
        self._former_factory = self._loop.get_task_factory()
        make_task: Any = self._make_task
        self._loop.set_task_factory(make_task)
        for name, watched in (("call_at", self._call_at), ("create_connection", self._create_connection)):
            setattr(self._loop, name, watched)
        self._call = type(self._loop).call_at
        self._connect = type(self._loop).create_connection

    def close(self) -> None:
        """Note no more."""
        self._loop.set_task_factory(self._former_factory)
        for name in ("call_at", "create_connection"):
            delattr(self._loop, name)

    async def left(self) -> list[str]:
        """Return what is still there of what plugins started: what it is, whose, and where it was started."""
        for _ in range(_TURNS_TO_END):
            await asyncio.sleep(0)
        return list(self._left())

    def _left(self) -> Iterator[str]:
        for reference, description, is_there in self._started:
            started = reference()
            if started is not None and is_there(started):
                yield description

    def _note(self, started: Any, kind: str, place: str | None, is_there: Callable[[Any], bool]) -> None:
        if place is not None:
            self._started.append((weakref.ref(started), f"a {kind} of plugin {place}", is_there))

    def _make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
        if self._former_factory is None:
            task: Any = asyncio.Task(coroutine, loop=loop, **options)
        else:
            task = self._former_factory(loop, coroutine, **options)
        self._note(task, "task", _starter(), lambda task: not task.done())
        return task

    def _call_at(self, when: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        timer = self._call(self._loop, when, *arguments, **options)
        self._note(timer, "timer", _starter(), self._is_pending)
        return timer

    def _is_pending(self, timer: asyncio.TimerHandle) -> bool:
        return not timer.cancelled() and timer.when() > self._loop.time()

    async def _create_connection(self, *arguments: Any, **options: Any) -> Any:
        place = _starter()
        made = await self._connect(self._loop, *arguments, **options)
        self._note(made[0], "connection", place, lambda transport: not transport.is_closing())
        return made


def _starter() -> str | None:
    """Return the plugin whose method runs, and the line in it, None where none does."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 (past this function and its caller)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, Plugin):
            return f"{owner.name}, started in {frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
        frame = frame.f_back
    return None
