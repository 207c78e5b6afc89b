"""One provider for each source of credentials, shared by every route and configuration of a gateway that names it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from ..plugin import Services
from ..upstream.client import UpstreamClient
from .provider import AHEAD_SECONDS, Credentials, Provider

# How long a configuration waits for its first credentials, all of its sources together; instances are opened one by the other,
# so what is taken a second later is another configuration's.
_FIRST_KEYS_SECONDS = 5.0
_APART_SECONDS = 1.0
# How many sources are asked at once: each thread more could hold up the event loop once more. One that waits so long does not
# wait for its turn any more, since those before it may hang.
_LOADS_AT_ONCE = 4
_IN_TURN_SECONDS = 1.0


C = TypeVar("C", bound=Credentials)
C_co = TypeVar("C_co", bound=Credentials, covariant=True)


class CredentialSource(Protocol[C_co]):
    """Where credentials come from: a frozen value, whose text names it to people and holds no secret.

    Equal sources give the same credentials, so one of them is asked for all. `load` is called in a thread of its own, and
    the import of a vendor's library has its place there; what it raises says in the log why there are none.
    """

    def load(self) -> C_co:
        """Return the present credentials, however long that takes."""

    def __hash__(self) -> int: ...


@dataclass(slots=True)
class _Shared:
    provider: Provider[Any]
    users: int = 0


class Providers:
    """The providers that are in use; each is there as long as somebody has taken and not dropped it."""

    def __init__(self) -> None:
        self._shared: dict[CredentialSource[Any], _Shared] = {}
        self._slots = threading.Semaphore(_LOADS_AT_ONCE)
        self._began = self._ended = -math.inf

    def __len__(self) -> int:
        return len(self._shared)

    async def take(
        self, source: CredentialSource[C], services: Services, ahead_seconds: float = AHEAD_SECONDS
    ) -> Provider[C]:
        """Return the provider of a source, with its first credentials where they come in good time."""
        shared = self._shared.get(source)
        if shared is None:
            load = self._in_turn(source)
            provider = Provider(str(source), load, services.clock, services.logger, ahead_seconds=ahead_seconds)
            shared = self._shared[source] = _Shared(provider)
            provider.open()
        shared.users += 1
        try:
            await self._settle(shared.provider, source, services)
        except BaseException:
            self.drop(source)
            raise
        return shared.provider

    def drop(self, source: CredentialSource[Any]) -> None:
        """Give back what was taken once."""
        shared = self._shared[source]
        shared.users -= 1
        if shared.users == 0:
            del self._shared[source]
            shared.provider.close()

    def _in_turn(self, source: CredentialSource[C]) -> Callable[[], C]:
        """Return what loads the credentials of a source once there is a slot for it, or has been none for too long."""

        def load() -> C:
            has_slot = self._slots.acquire(timeout=_IN_TURN_SECONDS)
            try:
                return source.load()
            finally:
                if has_slot:
                    self._slots.release()

        return load

    async def _settle(self, provider: Provider[Any], source: CredentialSource[Any], services: Services) -> None:
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


class Lease(Generic[C]):
    """One plugin instance's share in the credentials of a source: taken in `open`, given back in `close`."""

    def __init__(self, source: CredentialSource[C], provider: Provider[C], providers: Providers) -> None:
        self.provider = provider
        self._source = source
        self._providers = providers

    @classmethod
    async def take(
        cls, source: CredentialSource[C], services: Services, *, ahead_seconds: float = AHEAD_SECONDS
    ) -> Lease[C]:
        """Take a share, with the first credentials where they come in good time.

        They are loaded anew `ahead_seconds` before they end, or at half of their time where that is later.
        """
        providers = providers_of(services)
        return cls(source, await providers.take(source, services, ahead_seconds), providers)

    def close(self) -> None:
        """Give it back."""
        self._providers.drop(self._source)
