"""What a route asks of a request beyond host and path: method, client address, vars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..http.address import Network, is_within, parse_networks
from ..http.message import Request
from ..model import Route
from .predicates import Predicate, compile_vars

Rank = tuple[int, int, int, int, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route with its conditions compiled. Of two that fit a path, the one with the lower `rank` is asked first.

    `takes_all` says that there is no condition, so that nobody need ask.
    """

    route: Route
    rank: Rank
    networks: tuple[Network, ...]
    predicate: Predicate | None
    takes_all: bool

    @classmethod
    def of(cls, route: Route) -> Candidate:
        """Compile a route. Its order: priority, then more conditions, then the Admin API's, then the newer; ids decide the rest."""
        conditions = bool(route.methods) + bool(route.remote_addrs) + len(route.vars)
        rank = (-route.priority, -conditions, 0 if route.source == "admin" else 1, -route.order, route.id)
        predicate = compile_vars(route.vars) if route.vars else None
        return cls(route, rank, parse_networks(route.remote_addrs), predicate, takes_all=not conditions)

    def accepts(self, request: Request, params: Mapping[str, str]) -> bool:
        """Tell whether the request meets every condition."""
        methods = self.route.methods
        if methods and request.method not in methods:
            return False
        if self.networks and not is_within(request.client, self.networks):
            return False
        return self.predicate is None or self.predicate(request, params)
