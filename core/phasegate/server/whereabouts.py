"""Where plugins stand: read out of frames and coroutines, so that no request pays for being watched."""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import AsyncGeneratorType, FrameType
from typing import Any, NamedTuple

from ..exchange import Exchange
from ..plugin import HOOKS, Plugin
from ..upstream.answers import AnswerBody
from ..upstream.client import UpstreamClient

_METHODS = frozenset((*HOOKS, "open", "close", "check"))
_BOUNDED = (UpstreamClient, AnswerBody)
# What `async for` awaits; its type has no name to be had by.
_STEP = "async_generator_asend"


class Whereabouts(NamedTuple):
    """A plugin in one of its phases, or in `open`, `close` or `check`, and the request that it is about."""

    plugin: str
    phase: str
    route: str | None = None
    request_id: str | None = None


class Standing(NamedTuple):
    """A phase that waits. `coroutine` is this one run of it, and `line` where it waits."""

    coroutine: object
    where: Whereabouts
    line: str
    is_bounded: bool
    """Whether it waits for a call of the gateway's client, or the answer's body, which have time limits of their own."""


def of_frame(frame: FrameType | None) -> Whereabouts | None:
    """Return what plugin a running frame is in, None where it is in none."""
    frames = within(frame)
    return _in(frames[0]) if frames else None


def of_failure(error: BaseException) -> str | None:
    """Return the name of the plugin whose method raised an error, or led to what did; None where it was in none."""
    held = (frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__))
    plugins = [plugin.name for plugin in held if isinstance(plugin, Plugin)]
    return plugins[-1] if plugins else None


def within(frame: FrameType | None) -> list[FrameType]:
    """Return the frames from a plugin's method on to a running one that it led to; none where it is in no plugin."""
    frames: list[FrameType] = []
    beginning = 0
    while frame is not None:
        frames.append(frame)
        if _in(frame) is not None:
            beginning = len(frames)
        frame = frame.f_back
    return frames[:beginning][::-1]


def of_task(task: asyncio.Task[Any]) -> Standing | None:
    """Return in which phase a task waits, None where it waits in none."""
    standing: tuple[object, Whereabouts] | None = None
    line, is_bounded = "", False
    for coroutine, frame in _inside(task):
        if standing is None:
            where = _in(frame)
            standing = None if where is None else (coroutine, where)
        is_bounded = is_bounded or isinstance(frame.f_locals.get("self"), _BOUNDED)
        line = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
    return None if standing is None else Standing(*standing, line, is_bounded)


def _inside(task: asyncio.Task[Any]) -> Iterator[tuple[object, FrameType]]:
    """Yield the coroutines, and steps of generators, that a task is inside of, the outermost first."""
    awaited: Any = task.get_coro()
    while (taken_apart := _taken_apart(awaited)) is not None:
        frame, following = taken_apart
        yield awaited, frame
        awaited = following


def _taken_apart(awaited: Any) -> tuple[FrameType, Any] | None:
    """Return the frame of a coroutine, or of the generator that a step is of, and what it awaits."""
    if type(awaited).__name__ != _STEP:
        frame = getattr(awaited, "cr_frame", None)
        return None if frame is None else (frame, awaited.cr_await)
    for generator in gc.get_referents(awaited):  # It tells the collector alone whose step it is.
        if isinstance(generator, AsyncGeneratorType) and generator.ag_frame is not None:
            return generator.ag_frame, generator.ag_await
    return None


def _in(frame: FrameType) -> Whereabouts | None:
    phase = frame.f_code.co_name
    if phase not in _METHODS:
        return None
    held = frame.f_locals
    plugin, exchange = held.get("self"), held.get("exchange")
    if not isinstance(plugin, Plugin):
        return None
    if not isinstance(exchange, Exchange):
        return Whereabouts(plugin.name, phase)
    return Whereabouts(plugin.name, phase, exchange.route.id if exchange.route else None, exchange.request_id)
