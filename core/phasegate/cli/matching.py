"""Which route takes which requests: what a route matches in words, and a request made up for each, to see who answers it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

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
    """Some requests: the methods, a host and a path with a route's patterns in them, empty for any."""

    methods: tuple[str, ...]
    host: str
    uri: str

    def __str__(self) -> str:
        methods = f"{', '.join(self.methods)} " if self.methods else ""
        return f"{methods}{self.host}{self.uri}"

    @property
    def sample(self) -> Request:
        """A request that fits. Raise BadRequest for a path that can't be one."""
        method = self.methods[0] if self.methods else "GET"
        return Request(method, _PARAMETER.sub(_SAMPLE, self.uri), host=self.host.lower().replace("*", _SAMPLE))


def patterns(route: Value, landscape: Landscape) -> Iterator[Pattern]:
    """Yield what a route matches, nothing for one that is turned off."""
    if route.get("status", 1) == _OFF:
        return
    methods = tuple(sorted(several(route, "", "methods")))
    for host in landscape.hosts(route) or [""]:
        for uri in several(route, "uri", "uris"):
            yield Pattern(methods, host, uri)


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

    def taker(self, pattern: Pattern) -> str | None:
        """Return the id of the route that takes a request that fits, None where there is none, or it can't be told."""
        with contextlib.suppress(BadRequest):
            match = self._router.match(pattern.sample)
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
