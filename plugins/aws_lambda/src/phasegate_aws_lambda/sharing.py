"""One provider for each source of keys, shared by every route and configuration of a gateway that names it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from phasegate import Services, UpstreamClient

from .credentials import Source
from .provider import Provider, loader

# How long a configuration waits for its first keys, all of its sources together; instances are opened one by the other,
# so what is taken a second later is another configuration's.
_FIRST_KEYS_SECONDS = 5.0
_APART_SECONDS = 1.0
# How many sources are asked at once: each thread more could hold up the event loop once more.
_LOADS_AT_ONCE = 4


@dataclass(slots=True)
class _Shared:
    provider: Provider
    users: int = 0


class Providers:
    """The providers that are in use; each is there as long as somebody has taken and not dropped it."""

    def __init__(self) -> None:
        self._shared: dict[Source, _Shared] = {}
        self._slots = threading.Semaphore(_LOADS_AT_ONCE)
        self._began = self._ended = -math.inf

    def __len__(self) -> int:
        return len(self._shared)

    async def take(self, source: Source, services: Services) -> Provider:
        """Return the provider of a source, with its first keys where they come in good time."""
        shared = self._shared.get(source)
        if shared is None:
            provider = Provider(str(source), loader(source, self._slots), services.clock, services.logger)
            shared = self._shared[source] = _Shared(provider)
            provider.open()
        shared.users += 1
        try:
            await self._settle(shared.provider, source, services)
        except BaseException:
            self.drop(source)
            raise
        return shared.provider

    def drop(self, source: Source) -> None:
        """Give back what was taken once."""
        shared = self._shared[source]
        shared.users -= 1
        if shared.users == 0:
            del self._shared[source]
            shared.provider.close()

    async def _settle(self, provider: Provider, source: Source, services: Services) -> None:
        now = services.clock.monotonic()
        if now > self._ended + _APART_SECONDS:
            self._began = now
        if not await provider.landed(max(self._began + _FIRST_KEYS_SECONDS - now, 0.0)):
            services.logger.warning("credentials are late", extra={"credentials": str(source)})
        self._ended = services.clock.monotonic()


# All that a gateway's plugins have in common is its client, and a source is shared by no more than one gateway.
_OF_GATEWAYS: WeakKeyDictionary[UpstreamClient, Providers] = WeakKeyDictionary()


def providers_of(services: Services) -> Providers:
    """Return the providers that the plugins of one gateway share."""
    return _OF_GATEWAYS.setdefault(services.client, Providers())


class Lease:
    """One plugin instance's share in a provider."""

    def __init__(self, source: Source, provider: Provider, providers: Providers) -> None:
        self.provider = provider
        self._source = source
        self._providers = providers

    @classmethod
    async def take(cls, source: Source, services: Services) -> Lease:
        """Take the provider of a source, with its first keys where they come in good time."""
        providers = providers_of(services)
        return cls(source, await providers.take(source, services), providers)

    def close(self) -> None:
        """Give it back."""
        self._providers.drop(self._source)
