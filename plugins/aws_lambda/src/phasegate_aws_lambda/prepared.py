"""What `phasegate lambda invoke` calls: the function of a route, or one that is named, and the request to it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from phasegate import Exchange, Request, Route, Services
from phasegate.commands import CommandError, Folder, configured, exchange_of, request_from

from .caller import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request that an event is made of; what is None follows from the route."""

    method: str | None
    path: str | None
    fields: list[tuple[bytes, bytes]]
    body: bytes

    def request(self, route: Route | None = None) -> Request:
        """Return the request. Raise CommandError for one that is none, or a path that the route leaves open."""
        method = self.method or ("POST" if self.body else "GET")
        if self.method is None and route is not None and route.methods and method not in route.methods:
            method = min(route.methods)
        fields = list(self.fields)
        if route is not None and all(name != b"host" for name, _ in fields):
            fields += [(b"host", host.encode("ascii")) for host in route.hosts[:1] if not host.startswith("*")]
        return request_from(method.upper(), self.path or _path_of(route), fields, self.body)


class Prepared(NamedTuple):
    """A function that can be called, and the request to it."""

    caller: Caller
    exchange: Exchange
    services: Services


@contextlib.asynccontextmanager
async def of_route(directory: Path, id_: str, asked: Asked) -> AsyncIterator[Prepared]:
    """Prepare a call of a route's function, as the route is configured. Raise CommandError and ConfigError."""
    folder = await Folder.read(directory)
    route = folder.route(id_)
    caller = folder.plugin(route, Caller)
    async with folder.services() as services:
        yield Prepared(caller, await folder.exchange(route, asked.request(route), services), services)


@contextlib.asynccontextmanager
async def of_function(config: dict[str, Any], asked: Asked) -> AsyncIterator[Prepared]:
    """Prepare a call of a function that a plugin's configuration names. Raise CommandError and ConfigError."""
    caller = configured(Caller, config)
    async with Folder.empty().services() as services:
        yield Prepared(caller, exchange_of(asked.request()), services)


def _path_of(route: Route | None) -> str:
    """Return a path that a route takes."""
    if route is None:
        return "/"
    uri = route.uris[0]
    if ":" in uri:
        raise CommandError(f"route {route.id!r} is for {uri}: say by --path which one is meant")
    return uri.removesuffix("*")
