"""The routes of a snapshot, found by host and path in time that their number does not change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..http.message import Request
from ..model import Route
from .conditions import Candidate
from .paths import PathIndex
from .pattern import parse_uri


@dataclass(frozen=True, slots=True)
class Match:
    """The route a request takes, the values of its `:parameters`, and the path before its `*` (None without one)."""

    route: Route
    params: dict[str, str]
    prefix: str | None


class Router:
    """Matches requests to routes: exact host, wildcard host (longest first), any host; then the path's order.

    A route whose conditions fail gives way to the next one in that order. Raise ValueError for a pattern or predicate
    that can't be compiled; schema checks come first, so that an operator sees paths instead.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, PathIndex] = {}
        self._wildcard: dict[str, PathIndex] = {}
        self._any = PathIndex()
        for route in routes:
            self._add(route)
        for index in (*self._exact.values(), *self._wildcard.values(), self._any):
            index.sort()

    def match(self, request: Request) -> Match | None:
        """Return the route for a request, None when none matches."""
        for index in self._indexes(request.host):
            for candidate, params, prefix in index.find(request.path):
                if candidate.accepts(request, params):
                    return Match(candidate.route, params, prefix)
        return None

    def _add(self, route: Route) -> None:
        candidate = Candidate.of(route)
        patterns = [parse_uri(uri) for uri in route.uris]
        for host in route.hosts or ("",):
            index = self._index_of(host.lower())
            for pattern in patterns:
                index.add(pattern, candidate)

    def _index_of(self, host: str) -> PathIndex:
        if not host:
            return self._any
        if host.startswith("*."):
            return self._wildcard.setdefault(host[1:], PathIndex())
        return self._exact.setdefault(host, PathIndex())

    def _indexes(self, host: str) -> Iterator[PathIndex]:
        if host in self._exact:
            yield self._exact[host]
        if self._wildcard:
            dot = host.find(".")
            while dot != -1:
                if host[dot:] in self._wildcard:
                    yield self._wildcard[host[dot:]]
                dot = host.find(".", dot + 1)
        yield self._any
