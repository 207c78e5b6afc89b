"""A configuration folder as commands of distributions look into it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from ..cli.folder import judged
from ..cli.run import load
from ..cli.services import services_of
from ..errors import CommandError, RequestError
from ..exchange import Exchange
from ..http.message import Request
from ..model import Route
from ..plugin import Plugin, Services
from ..registry import Registry
from ..schema.plugins import PluginSchemas
from ..schema.tables import Schemas
from ..snapshot import Snapshot
from ..upstream.client import UpstreamClient
from .making import exchange_of

P = TypeVar("P", bound=Plugin)
_LISTED = 20


class Folder:
    """A configuration folder, its store included, as it would be served."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._opened: list[Plugin] = []

    @classmethod
    async def read(cls, directory: Path) -> Folder:
        """Read and judge a folder. Raise ConfigError or StartupError where it can't be served."""
        settings, schemas = load(directory)
        return cls((await judged(settings, schemas)).snapshot)

    @classmethod
    def empty(cls) -> Folder:
        """Return a folder in which nothing is configured."""
        return cls(Snapshot({}, Schemas(Registry())))

    def route(self, id_: str) -> Route:
        """Return a route that is served. Raise CommandError for one that is not."""
        routes = {route.id: route for route in self._snapshot.routes}
        if id_ not in routes:
            close = get_close_matches(id_, routes, n=1)
            known = ", ".join(sorted(routes)) if len(routes) <= _LISTED else f"{len(routes)} others"
            hint = f"did you mean {close[0]!r}?" if close else f"there are {known or 'none'}"
            raise CommandError(f"there is no route {id_!r}: {hint}")
        return routes[id_]

    def plugin(self, route: Route, cls: type[P]) -> P:
        """Return an instance of a plugin's class, or of one derived from it, with what the route says of the plugin.

        It is not open. Raise CommandError where the route does not use it.
        """
        for entry in route.plugins:
            if entry.name == cls.name and not entry.disabled:
                return PluginSchemas(Registry([cls])).instance(cls.name, entry.config)  # type: ignore[return-value]
        raise CommandError(f"route {route.id!r} does not use {cls.name}: name one that does")

    @contextlib.asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        """Lend what plugins are opened with; calls end with the block."""
        client = UpstreamClient()
        try:
            yield services_of(self._snapshot, client, "commands")
        finally:
            while self._opened:
                await self._opened.pop().close()
            await client.close()

    async def exchange(self, route: Route, request: Request, services: Services) -> Exchange:
        """Return the request's exchange on a route as its proxy phase finds it, rewritten, but by nobody authenticated.

        Raise CommandError for a request that another route takes, or a plugin answers before.
        """
        exchange = exchange_of(request)
        match = self._snapshot.router.match(request)
        if match is None or match.route.id != route.id:
            taker = "no route" if match is None else f"route {match.route.id!r}"
            what = f"{request.method} {request.path} of {request.host}"
            raise CommandError(
                f"{taker} takes {what}, and not {route.id!r}: give a method, path and Host that it takes"
            )
        exchange.route, exchange.params, exchange.prefix = match.route, dict(match.params), match.prefix
        for plugin, call in self._snapshot.pipeline(route).rewrite:
            await self._open(call, services)
            try:
                answer = await call(exchange)
            except RequestError as error:
                raise CommandError(f"plugin {plugin} refuses the request: {error}") from error
            if answer is not None:
                raise CommandError(f"plugin {plugin} answers the request itself, with {answer.status}")
        return exchange

    async def _open(self, call: Any, services: Services) -> None:
        instance: Plugin = call.__self__
        await instance.open(services)
        self._opened.append(instance)
