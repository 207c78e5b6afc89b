"""The compiled chains of a snapshot, one for each route, and the plugin instances in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ..amendment import Amendment, body_instead
from ..forward import Forward
from ..model import Consumer, PluginEntry, Route
from ..pipeline import Member, Pipeline
from ..router.expression import Conditions
from ..schema.tables import Schemas
from .entries import merged
from .instances import Instances, Key
from .resolve import Resolved
from .slices import Steps
from .stage import Stage


class Chains:
    """Pipelines by route, and by route and consumer.

    Those of the next snapshot begin as a fork of the present one's, which `changing` brings on.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self.instances = Instances()
        self._global: list[Member] = []
        self._unmatched = Pipeline.compile(schemas.registry)
        self._pipelines: dict[str, Pipeline] = {}
        self._consumers: Mapping[str, Consumer] = {}
        self._for_consumers: dict[tuple[str | None, str], Pipeline] = {}

    def fork(self) -> Chains:
        """Return the same chains, to be changed without these ones' notice."""
        chains = Chains(self._schemas)
        chains.instances = self.instances.fork()
        chains._global, chains._unmatched = self._global, self._unmatched
        chains._pipelines, chains._consumers = dict(self._pipelines), self._consumers
        return chains

    def of(self, route: Route | None) -> Pipeline:
        """Return the pipeline of a route; of None, what runs where no route matches."""
        return self._unmatched if route is None else self._pipelines[route.id]

    def of_consumer(self, route: Route | None, consumer: Consumer) -> Pipeline:
        """Return the pipeline of a route for a consumer, compiled at its first use."""
        own = self._consumers.get(consumer.username)
        if own is None or not own.plugins:
            return self.of(route)
        key = (route.id if route else None, own.username)
        if key not in self._for_consumers:
            self._for_consumers[key] = self._compile(route, own.plugins)
        return self._for_consumers[key]

    def changing(self, resolved: Resolved, former: Resolved) -> Steps[None]:
        """Bring the chains from one configuration to the next, in steps.

        Everything new is taken before anything old is dropped, so that what both hold stays, whoever holds it.
        """
        anew = resolved.global_entries is not former.global_entries
        if anew:
            self._take(resolved.global_entries)
            self._drop(former.global_entries)
            self._global = self._members(resolved.global_entries)
            self._unmatched = Pipeline.compile(self._schemas.registry, self._global)
        yield from self._change_consumers(resolved.consumers, former.consumers.values)
        yield from self._change_routes(resolved.routes, former.routes.values)
        routes = resolved.routes.values
        for id_ in routes if anew else resolved.routes.changed:
            route = routes.get(id_)
            if route is not None:
                self._pipelines[id_] = self._compile(route)
                yield

    def emptying(self) -> Steps[None]:
        """Let go of the pipelines, in steps: to free those of 10,000 routes at once would hold up the event loop."""
        while self._pipelines:
            self._pipelines.popitem()
            yield

    def _change_consumers(self, consumers: Stage[Consumer], old: Mapping[str, Consumer]) -> Steps[None]:
        for id_ in consumers.changed & consumers.values.keys():
            self._take(consumers.values[id_].plugins)
            yield
        for id_ in consumers.changed & old.keys():
            self._drop(old[id_].plugins)
            yield
        self._consumers = consumers.values

    def _change_routes(self, routes: Stage[Route | None], old: Mapping[str, Route | None]) -> Steps[None]:
        for id_ in routes.changed:
            self._pipelines.pop(id_, None)
            route = routes.values.get(id_)
            if route is not None:
                self._take(route.plugins)
                self._take_forward(route)
            yield
        for id_ in routes.changed:
            route = old.get(id_)
            if route is not None:
                self._drop(route.plugins)
                if route.upstream is not None:
                    self.instances.drop(_forward_key(route))
            yield

    def _take(self, entries: Iterable[PluginEntry]) -> None:
        for entry in _enabled(entries):
            make = partial(self._schemas.plugins.instance, entry.name, entry.config)
            self.instances.take(_key(entry), entry.config, entry.path, make)

    def _take_forward(self, route: Route) -> None:
        if route.upstream is not None:
            upstream, timeouts = route.upstream, route.timeouts
            make = partial(Forward, upstream=upstream, timeouts=timeouts)
            self.instances.take(_forward_key(route), (upstream, timeouts), upstream.id, make)

    def _drop(self, entries: Iterable[PluginEntry]) -> None:
        for entry in _enabled(entries):
            self.instances.drop(_key(entry))

    def _compile(self, route: Route | None, extra: Iterable[PluginEntry] = ()) -> Pipeline:
        members = self._members(merged(route.plugins if route else (), extra))
        if route is not None and route.upstream is not None:
            members.append(Member(self.instances.find(_forward_key(route)), Forward.priority))
        return Pipeline.compile(self._schemas.registry, self._global, members)

    def _members(self, entries: Iterable[PluginEntry]) -> list[Member]:
        members = []
        for entry in _enabled(entries):
            instance = self.instances.find(_key(entry))
            priority = instance.priority if entry.priority is None else entry.priority
            members.append(Member(instance, priority, _amendment(entry)))
        return members


def _enabled(entries: Iterable[PluginEntry]) -> Iterator[PluginEntry]:
    return (entry for entry in entries if not entry.disabled)


def _amendment(entry: PluginEntry) -> Amendment | None:
    if not entry.filter and entry.error_response is None:
        return None
    holds = Conditions(entry.filter).hold if entry.filter else None
    instead = None if entry.error_response is None else body_instead(entry.error_response)
    return Amendment(_key(entry), holds, instead)


def _key(entry: PluginEntry) -> Key:
    return entry.owner, entry.name


def _forward_key(route: Route) -> Key:
    return Forward.name, route.upstream.id if route.upstream else "", route.timeouts
