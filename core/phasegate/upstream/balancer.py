"""The choice among an upstream's nodes: smooth weighted round robin."""

from __future__ import annotations

from ..model import Node


class Balancer:
    """Gives nodes in turn, each as often as its weight says and spread evenly (nginx's smooth weighted round robin)."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._nodes = [node for node in nodes if node.weight > 0]
        self._total = sum(node.weight for node in self._nodes)
        self._current = [0] * len(self._nodes)

    def next(self) -> Node | None:
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
