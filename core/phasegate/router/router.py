"""The routes of a snapshot, found by host and path in time that their number does not change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..http.message import Request
from ..model import Route
from .conditions import Candidate
from .paths import Match, PathIndex
from .pattern import Pattern, parse_uri


class Fit(NamedTuple):
    """A route whose host and uri fit, whatever its conditions say; `host` is the place of its host in their order."""

    host: int
    match: Match


class Router:
    """Matches requests to routes: exact host, wildcard host (longest first), any host; then the path's order.

    A route whose conditions fail gives way to the next one in that order. Raise ValueError for a pattern or predicate
    that can't be compiled; schema checks come first, so that an operator sees paths instead.
    """

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._edit = object()
        self._exact: dict[str, PathIndex] = {}
        self._wildcard: dict[str, PathIndex] = {}
        self._any = PathIndex(self._edit)
        for route in routes:
            self.add(route)

    def fork(self) -> Router:
        """Return a router of the same routes; either one can be changed without the other's notice.

        What they share is copied where it is changed, so that a change costs what it touches.
        """
        router = Router()
        router._exact, router._wildcard, router._any = dict(self._exact), dict(self._wildcard), self._any
        self._edit = object()
        return router

    def match(self, request: Request) -> Match | None:
        """Return the route for a request, None when none matches."""
        if not self._exact and not self._wildcard:
            return self._any.first(request)
        for index in self._indexes(request.host):
            match = index.first(request)
            if match is not None:
                return match
        return None

    def fitting(self, request: Request) -> Iterator[Fit]:
        """Yield every route whose host and uri fit, in the order in which `match` asks them; one of two uris may come twice."""
        for place, index in enumerate(self._indexes(request.host)):
            for match in index.find(request.path):
                yield Fit(place, match)

    def add(self, route: Route) -> None:
        """Let a route be found."""
        candidate = Candidate.of(route)
        for host in _hosts(route):
            index = self._index_of(host)
            for pattern in _patterns(route):
                index.add(pattern, candidate)

    def remove(self, route: Route) -> None:
        """Let a route be found no more; it must be the very one that was added."""
        for host in _hosts(route):
            index = self._index_of(host)
            for pattern in _patterns(route):
                index.remove(pattern, route)
            if index.is_empty:
                self._forget(host)

    def _index_of(self, host: str) -> PathIndex:
        """Return the index of a host, to be changed."""
        if not host:
            self._any = self._any.for_edit(self._edit)
            return self._any
        table, name = self._place_of(host)
        index = table[name].for_edit(self._edit) if name in table else PathIndex(self._edit)
        table[name] = index
        return index

    def _forget(self, host: str) -> None:
        if host:
            table, name = self._place_of(host)
            del table[name]

    def _place_of(self, host: str) -> tuple[dict[str, PathIndex], str]:
        return (self._wildcard, host[1:]) if host.startswith("*.") else (self._exact, host)

    def _indexes(self, host: str) -> list[PathIndex]:
        """Return the indexes for a host in their order."""
        found = [self._exact[host]] if host in self._exact else []
        if self._wildcard:
            dot = host.find(".")
            while dot != -1:
                if host[dot:] in self._wildcard:
                    found.append(self._wildcard[host[dot:]])
                dot = host.find(".", dot + 1)
        found.append(self._any)
        return found


def _hosts(route: Route) -> Iterable[str]:
    """Return the hosts of a route, each once; the empty one is any."""
    return dict.fromkeys(host.lower() for host in route.hosts) or ("",)


def _patterns(route: Route) -> Iterable[Pattern]:
    """Return the patterns of a route, each once, however it is spelt."""
    return {pattern.text: pattern for pattern in map(parse_uri, route.uris)}.values()
