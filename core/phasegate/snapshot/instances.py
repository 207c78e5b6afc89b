"""Plugin instances over the life of many snapshots: kept while their configuration is equal, closed when unused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from ..errors import ConfigError, Finding
from ..plugin import Plugin, Services
from .slices import Slices

_logger = logging.getLogger(__name__)

_OPEN_SECONDS = 30.0

Key = tuple[Hashable, ...]


@dataclass(slots=True, eq=False)
class Holder:
    """One instance with what it was made of, and how many snapshots use it."""

    instance: Plugin
    made_of: object
    path: str
    uses: int = 0
    opened: bool = False


class Instances:
    """The instances of one snapshot, by owner and plugin.

    Several chains may hold one instance: each takes it, and drops it again where a later snapshot does without.
    """

    def __init__(self) -> None:
        self.holders: dict[Key, Holder] = {}
        self._takers: dict[Key, int] = {}

    def fork(self) -> Instances:
        """Return the same instances, for a snapshot that goes on from this one."""
        instances = Instances()
        instances.holders, instances._takers = dict(self.holders), dict(self._takers)
        return instances

    def take(self, key: Key, made_of: object, path: str, make: Callable[[], Plugin]) -> None:
        """Hold an instance under a key: the one at hand when it was made of an equal value, else a new one."""
        holder = self.holders.get(key)
        if holder is None or holder.made_of != made_of:
            self.holders[key] = Holder(make(), made_of, path)
        self._takers[key] = self._takers.get(key, 0) + 1

    def drop(self, key: Key) -> None:
        """Let go of what was taken once; the instance stays for as long as others have taken it."""
        self._takers[key] -= 1
        if not self._takers[key]:
            del self._takers[key], self.holders[key]

    def find(self, key: Key) -> Plugin:
        """Return the instance that is held under a key."""
        return self.holders[key].instance

    async def open(self, services: Callable[[Plugin], Services]) -> None:
        """Open every new instance. Raise ConfigError, with those already opened closed again, when one fails."""
        opened: list[Holder] = []
        slices = Slices()
        try:
            for holder in [holder for holder in self.holders.values() if not holder.opened]:
                await _open(holder, services)
                opened.append(holder)
                await slices.rest()
        except BaseException:
            await _close(opened)
            raise
        for holder in opened:
            holder.opened = True
        for holder in self.holders.values():
            holder.uses += 1

    async def release(self) -> None:
        """Give up every instance, and close those that no snapshot uses any more."""
        for holder in self.holders.values():
            holder.uses -= 1
        await _close([holder for holder in self.holders.values() if holder.uses == 0])


async def _open(holder: Holder, services: Callable[[Plugin], Services]) -> None:
    instance = holder.instance
    if type(instance).open is Plugin.open:
        return
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            await instance.open(services(instance))
    except Exception as error:
        late = isinstance(error, TimeoutError)
        why = f"it took over {_OPEN_SECONDS:.0f} s" if late else str(error) or type(error).__name__
        raise ConfigError([Finding(holder.path, f"plugin {instance.name} can't be opened: {why}")]) from error


async def _close(holders: Iterable[Holder]) -> None:
    slices = Slices()
    for holder in holders:
        try:
            await holder.instance.close()
        except Exception:
            _logger.exception("plugin failed", extra={"plugin": holder.instance.name, "phase": "close"})
        await slices.rest()
