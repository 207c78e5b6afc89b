"""What all plugin instances of a gateway that call the same function have in common."""

from __future__ import annotations

from collections.abc import Hashable
from weakref import WeakKeyDictionary, WeakValueDictionary

from ..upstream.client import UpstreamClient
from .budget import RetryBudget
from .gate import Gate, GateLimits


class SharedFunctions:
    """The gates and budgets of functions, each there as long as somebody holds it.

    A budget is held by the instances that use it, a gate by the calls that are at it, so that there are no more gates than
    calls, whatever functions requests name.
    """

    def __init__(self) -> None:
        self._gates: WeakValueDictionary[tuple[Hashable, GateLimits], Gate] = WeakValueDictionary()
        self._budgets: WeakValueDictionary[tuple[Hashable, int], RetryBudget] = WeakValueDictionary()

    @property
    def gates(self) -> list[Gate]:
        """The gates that somebody is at."""
        return list(self._gates.values())

    def gate(self, function: Hashable, limits: GateLimits) -> Gate:
        """Return the gate of a function within these limits."""
        gate = self._gates.get((function, limits))
        if gate is None:
            gate = self._gates[function, limits] = Gate(limits)
        return gate

    def budget(self, function: Hashable, percent: int, now: float) -> RetryBudget:
        """Return the budget of a function at a percentage, a full one where it has none."""
        budget = self._budgets.get((function, percent))
        if budget is None:
            budget = self._budgets[function, percent] = RetryBudget(percent, now)
        return budget


# All that a gateway's plugins have in common is its client.
_OF_GATEWAYS: WeakKeyDictionary[UpstreamClient, SharedFunctions] = WeakKeyDictionary()


def shared_functions(client: UpstreamClient) -> SharedFunctions:
    """Return what the plugins of the gateway that this client belongs to share."""
    return _OF_GATEWAYS.setdefault(client, SharedFunctions())
