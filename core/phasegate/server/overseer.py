"""Watches what plugins do to their worker: a phase that hangs is ended, an event loop that stands still is told of."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterable
from types import FrameType

from ..errors import PluginTimedOut
from ..limits import Limits
from .roster import Roster, Work
from .standstill import Standstill
from .whereabouts import Standing, of_frame, of_task

_logger = logging.getLogger(__name__)

_QUICKEST_LOOK_SECONDS = 0.02
# Others have their turn after so many requests.
_AT_ONCE = 100


class Overseer:
    """Looks at the requests of rosters four times within `limits.phase_timeout`, with no timer for any of them.

    Between looks it remembers which phase each of them waits in; one that still does after that time is cancelled, and
    answered by PluginTimedOut. Waiting for the client's body, or for a call of `Services.client`, does not count.
    """

    def __init__(self, limits: Limits, rosters: Iterable[Roster]) -> None:
        self._limits = limits
        self._rosters = tuple(rosters)
        self._since: dict[object, tuple[object, float]] = {}
        self._looking = asyncio.create_task(self._look_on()) if limits.phase_timeout else None
        self._standstill = Standstill(limits.loop_stall, _stands_still, _goes_on) if limits.loop_stall else None

    async def close(self) -> None:
        """Watch no more."""
        if self._standstill is not None:
            self._standstill.close()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(max(_QUICKEST_LOOK_SECONDS, self._limits.phase_timeout / 4))
            try:
                await self._look()
            except Exception:
                _logger.exception("requests can't be looked after")

    async def _look(self) -> None:
        former, self._since = self._since, {}
        for number, work in enumerate([work for roster in self._rosters for work in roster.working]):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            standing = _standing(work)
            if standing is not None and work.task is not None:
                self._judge(work.task, standing, former)

    def _judge(self, task: asyncio.Task[None], standing: Standing, former: dict[object, tuple[object, float]]) -> None:
        now = asyncio.get_running_loop().time()
        coroutine, since = former.get(task, (None, now))
        if coroutine is not standing.coroutine:
            since = now
        self._since[task] = standing.coroutine, since
        if now - since >= self._limits.phase_timeout:
            _end(task, standing, self._limits.phase_timeout)


def _standing(work: Work) -> Standing | None:
    if work.task is None or work.task.done() or (work.body is not None and work.body.is_awaited):
        return None
    standing = of_task(work.task)
    return None if standing is None or standing.is_bounded else standing


def _end(task: asyncio.Task[None], standing: Standing, seconds: float) -> None:
    """Cancel what the phase waits for. That is not the request's own end: it goes on with an error, as for one that raises."""
    where = standing.where
    message = f"plugin {where.plugin} took over {seconds:g} s in {where.phase}, and waits at {standing.line}"
    task.cancel(PluginTimedOut(message, plugin=where.plugin, phase=where.phase))
    task.uncancel()


def _stands_still(frame: FrameType | None) -> None:
    where = of_frame(frame)
    fields = {} if where is None else where._asdict()
    _logger.error("event loop stands still", extra={**fields, "stack": "".join(traceback.format_stack(frame))})


def _goes_on(seconds: float) -> None:
    _logger.warning("event loop goes on", extra={"seconds": round(seconds, 3)})
