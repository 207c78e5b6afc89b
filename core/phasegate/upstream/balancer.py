"""The choice among an upstream's nodes: smooth weighted round robin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar


class Weighted(Protocol):
    """What is chosen by its weight."""

    @property
    def weight(self) -> int:
        """How often, beside the others' weights; 0 is never."""


T = TypeVar("T", bound=Weighted)


class Balancer(Generic[T]):
    """Gives nodes in turn, each as often as its weight says and spread evenly (nginx's smooth weighted round robin)."""

    def __init__(self, nodes: Iterable[T]) -> None:
        self._nodes = [node for node in nodes if node.weight > 0]
        self._total = sum(node.weight for node in self._nodes)
        self._current = [0] * len(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def next(self) -> T | None:
        """Return the node for the next request; None when no node has a weight."""
        if not self._nodes:
            return None
        if len(self._nodes) == 1:
            return self._nodes[0]
        for index, node in enumerate(self._nodes):
            self._current[index] += node.weight
        chosen = max(range(len(self._nodes)), key=self._current.__getitem__)
        self._current[chosen] -= self._total
        return self._nodes[chosen]
