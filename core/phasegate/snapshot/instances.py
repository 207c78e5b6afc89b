"""Plugin instances over the life of many snapshots: kept while their configuration is equal, closed when unused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from ..errors import ConfigError, Finding, told
from ..plugin import Plugin, Services
from .slices import Slices

_logger = logging.getLogger(__name__)

_OPEN_SECONDS = 30.0

Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """One instance with what it was made of."""

    instance: Plugin
    made_of: object
    path: str


class Instances:
    """The instances of one snapshot, by owner and plugin.

    Several chains may hold one instance: each takes it, and drops it again where a later snapshot does without. Of a
    snapshot that goes on from another, `added` and `left` are the difference between them, so that letting one of them go
    costs as much as they differ in.
    """

    def __init__(self) -> None:
        self.holders: dict[Key, Holder] = {}
        self.added: dict[Key, Holder] = {}
        self.left: list[tuple[Key, Holder]] = []
        self.mark = object()
        self.base: object = None
        """The mark of those that these went on from."""
        self._more: dict[Key, int] = {}
        """How many hold an instance beyond the first."""
        self._living: list[Instances] = []
        """All that are open, these and those of other snapshots."""

    def fork(self) -> Instances:
        """Return the same instances, for a snapshot that goes on from this one."""
        instances = Instances()
        instances.holders, instances._more = dict(self.holders), dict(self._more)
        instances._living = self._living
        if self in self._living:
            instances.base = self.mark
        else:
            instances.base, instances.added, instances.left = self.base, dict(self.added), list(self.left)
        return instances

    def take(self, key: Key, made_of: object, path: str, make: Callable[[], Plugin]) -> None:
        """Hold an instance under a key: the one at hand when it was made of an equal value, else a new one."""
        holder = self.holders.get(key)
        if holder is not None:
            self._more[key] = self._more.get(key, 0) + 1
            if holder.made_of == made_of:
                return
            self._leave(key, holder)
        self.holders[key] = self.added[key] = Holder(make(), made_of, path)

    def drop(self, key: Key) -> None:
        """Let go of what was taken once; the instance stays for as long as others have taken it."""
        more = self._more.pop(key, 0)
        if not more:
            self._leave(key, self.holders.pop(key))
        elif more > 1:
            self._more[key] = more - 1

    def find(self, key: Key) -> Plugin:
        """Return the instance that is held under a key."""
        return self.holders[key].instance

    async def open(self, services: Callable[[Plugin], Services]) -> None:
        """Open every new instance. Raise ConfigError, with those already opened closed again, when one fails."""
        opened: list[Holder] = []
        slices = Slices()
        try:
            for holder in self.added.values():
                await _open(holder, services)
                opened.append(holder)
                await slices.rest()
        except BaseException:
            await _close(opened)
            raise
        self._living.append(self)

    async def release(self) -> None:
        """Give up every instance, and close those that no snapshot uses any more."""
        if self in self._living:
            self._living.remove(self)
            await _close([holder for key, holder in self._alone() if not self._is_held(key, holder)])

    def _leave(self, key: Key, holder: Holder) -> None:
        if self.added.get(key) is holder:
            del self.added[key]
        else:
            self.left.append((key, holder))

    def _alone(self) -> Iterable[tuple[Key, Holder]]:
        """Return what others may not hold: at most what differs from one of them that is known to be close."""
        for other in self._living:
            if other.base is self.mark:
                return other.left
            if other.mark is self.base:
                return self.added.items()
        return self.holders.items()

    def _is_held(self, key: Key, holder: Holder) -> bool:
        return any(other.holders.get(key) is holder for other in self._living)


async def _open(holder: Holder, services: Callable[[Plugin], Services]) -> None:
    instance = holder.instance
    if type(instance).open is Plugin.open:
        return
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            await instance.open(services(instance))
    except (Exception, SystemExit) as error:
        late = isinstance(error, TimeoutError)
        why = f"it took over {_OPEN_SECONDS:.0f} s: let it do in a task what may take longer" if late else told(error)
        raise ConfigError([Finding(holder.path, f"plugin {instance.name} can't be opened: {why}")]) from error


async def _close(holders: Iterable[Holder]) -> None:
    slices = Slices()
    for holder in holders:
        try:
            await holder.instance.close()
        except (Exception, SystemExit):
            _logger.exception("plugin failed", extra={"plugin": holder.instance.name, "phase": "close"})
        await slices.rest()
