"""Which route takes which requests: what a route matches in words, and a request made up for each, to see who answers it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from ..errors import BadRequest
from ..http.message import Request
from ..model import Route
from ..router import Router
from ..store.records import Value
from .landscape import Landscape, several

_PARAMETER = re.compile(r":[A-Za-z_][A-Za-z0-9_]*|\*")
_SAMPLE = "sample"
_OFF = 0


@dataclass(frozen=True, slots=True)
class Pattern:
    """Some requests: a method, a host and a path with a route's patterns in them; method and host are empty for any."""

    method: str
    host: str
    uri: str

    def sample(self, method: str) -> Request:
        """Return a request that fits, by that method where any does. Raise BadRequest for a path that can't be one."""
        path = _PARAMETER.sub(_SAMPLE, self.uri)
        return Request(self.method or method, path, host=self.host.lower().replace("*", _SAMPLE))


def patterns(route: Value, landscape: Landscape) -> Iterator[Pattern]:
    """Yield what a route matches, nothing for one that is turned off."""
    if route.get("status", 1) == _OFF:
        return
    methods = sorted(several(route, "", "methods")) or [""]
    places = product(landscape.hosts(route) or [""], several(route, "uri", "uris"))
    yield from (Pattern(method, host, uri) for host, uri in places for method in methods)


def worded(found: Iterable[Pattern]) -> list[str]:
    """Return patterns as people write them, those that differ by their method alone together."""
    methods: dict[tuple[str, str], list[str]] = {}
    for pattern in found:
        methods.setdefault((pattern.host, pattern.uri), []).append(pattern.method)
    return [f"{', '.join(names)} {host}{uri}".lstrip() for (host, uri), names in methods.items()]


def is_conditional(route: Value) -> bool:
    """Tell whether more than method, host and path decides what the route takes."""
    return bool(route.get("vars") or several(route, "remote_addr", "remote_addrs"))


class Matcher:
    """Finds the route that would take requests, of those that nothing but method, host and path decides."""

    def __init__(self, landscape: Landscape) -> None:
        self._router = Router()
        for id_, value in landscape.of("routes"):
            if value.get("status", 1) != _OFF and not is_conditional(value):
                # The gateway has judged them; what the environment hides from us can't be told of.
                with contextlib.suppress(ValueError):
                    self._router.add(_route(id_, value, landscape))

    def taker(self, pattern: Pattern, method: str = "GET") -> str | None:
        """Return the id of the route that takes a request that fits, None where there is none, or it can't be told."""
        with contextlib.suppress(BadRequest):
            match = self._router.match(pattern.sample(method))
            return match.route.id if match else None
        return None


def _route(id_: str, value: Value, landscape: Landscape) -> Route:
    priority = value.get("priority", 0)
    return Route(
        id=id_,
        uris=tuple(several(value, "uri", "uris")),
        hosts=tuple(landscape.hosts(value)),
        methods=frozenset(several(value, "", "methods")),
        priority=priority if isinstance(priority, int) else 0,
        source="file" if ("routes", id_) in landscape.filed else "admin",
    )
