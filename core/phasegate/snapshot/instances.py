"""Plugin instances over the life of many snapshots: kept while their configuration is equal, closed when unused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from ..errors import ConfigError, Finding
from ..plugin import Plugin, Services

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
    """The instances of one snapshot, by owner and plugin; those of the previous one are taken over where equal."""

    def __init__(self, previous: Instances | None = None) -> None:
        self._previous = previous.holders if previous else {}
        self.holders: dict[Key, Holder] = {}

    def get(self, key: Key, made_of: object, path: str, make: Callable[[], Plugin]) -> Plugin:
        """Return the instance for a key: the one at hand when it was made of an equal value, else a new one."""
        holder = self.holders.get(key) or self._previous.get(key)
        if holder is None or holder.made_of != made_of:
            holder = Holder(make(), made_of, path)
        self.holders[key] = holder
        return holder.instance

    def new(self) -> Iterable[Holder]:
        """Yield the holders that the previous snapshot does not have."""
        return (holder for holder in self.holders.values() if not holder.opened)

    async def open(self, services: Callable[[Plugin], Services]) -> None:
        """Open every new instance. Raise ConfigError, with those already opened closed again, when one fails."""
        opened: list[Holder] = []
        for holder in self.new():
            try:
                async with asyncio.timeout(_OPEN_SECONDS):
                    await holder.instance.open(services(holder.instance))
            except Exception as error:
                await _close(opened)
                late = isinstance(error, TimeoutError)
                why = f"it took over {_OPEN_SECONDS:.0f} s" if late else str(error) or type(error).__name__
                message = f"plugin {holder.instance.name} can't be opened: {why}"
                raise ConfigError([Finding(holder.path, message)]) from error
            opened.append(holder)
        for holder in opened:
            holder.opened = True
        for holder in self.holders.values():
            holder.uses += 1
        self._previous = {}

    async def release(self) -> None:
        """Give up every instance, and close those that no snapshot uses any more."""
        for holder in self.holders.values():
            holder.uses -= 1
        await _close([holder for holder in self.holders.values() if holder.uses == 0])


async def _close(holders: Iterable[Holder]) -> None:
    for holder in holders:
        try:
            await holder.instance.close()
        except Exception:
            _logger.exception("plugin failed", extra={"plugin": holder.instance.name, "phase": "close"})
