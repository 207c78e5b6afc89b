"""One configuration, whole: the router, a pipeline for each route, and the plugin instances they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..errors import Finding
from ..forward import Forward
from ..model import Consumer, PluginEntry, Route
from ..pipeline import Member, Pipeline
from ..plugin import Plugin, Services
from ..router import Router
from ..schema.tables import Schemas
from .certificates import Certificates
from .consumers import ConsumerIndex
from .instances import Instances
from .resolve import merged, resolve


class Snapshot:
    """What the gateway answers by at one moment. Built off to the side, opened, then swapped in; never changed.

    `warnings` tell an operator what is valid and yet doubtful. Raise ConfigError with every finding when the document is
    refused.
    """

    def __init__(self, document: Mapping[str, Any], schemas: Schemas, previous: Snapshot | None = None) -> None:
        resolved = resolve(document, schemas, previous.certificates if previous else None)
        self.certificates: Certificates = Certificates(resolved.certificates)
        self._schemas = schemas
        self.instances: Instances = Instances(previous.instances if previous else None)
        self.routes = resolved.routes
        self._consumers = {consumer.username: consumer for consumer in resolved.consumers}
        self._global = self._members(resolved.global_entries)
        self._pipelines = {route.id: self._compile(route) for route in resolved.routes}
        self._unmatched = Pipeline.compile(schemas.registry, self._global)
        self._for_consumers: dict[tuple[str | None, str], Pipeline] = {}
        for consumer in resolved.consumers:
            self._members(consumer.plugins)
        self.warnings = (*resolved.warnings, *self._unanswered())
        self.router = Router(resolved.routes)
        self.index = ConsumerIndex(resolved.consumers, _key_fields(schemas))
        self._users = 0
        self._retired: Callable[[], None] | None = None

    def pipeline(self, route: Route | None) -> Pipeline:
        """Return the pipeline of a route; of None, what runs where no route matches."""
        return self._unmatched if route is None else self._pipelines[route.id]

    def pipeline_for(self, route: Route | None, consumer: Consumer) -> Pipeline:
        """Return the pipeline of a route for a consumer, whose own plugins take precedence there.

        A consumer that came with a newer snapshot has no say in this one.
        """
        own = self._consumers.get(consumer.username)
        if own is None or not own.plugins:
            return self.pipeline(route)
        key = (route.id if route else None, own.username)
        if key not in self._for_consumers:
            self._for_consumers[key] = self._compile(route, own.plugins)
        return self._for_consumers[key]

    async def open(self, services: Callable[[Plugin], Services]) -> None:
        """Open every plugin instance that the previous snapshot did not have. Raise ConfigError when one fails."""
        await self.instances.open(services)

    async def close(self) -> None:
        """Close the instances that no newer snapshot has taken over."""
        await self.instances.release()

    def acquire(self) -> None:
        """Count an exchange that answers by this snapshot."""
        self._users += 1

    def release(self) -> None:
        """Count it off again; the last one of a retired snapshot lets it go."""
        self._users -= 1
        if self._users == 0 and self._retired is not None:
            self._retired()

    def retire(self, then: Callable[[], None]) -> None:
        """Call `then` once no exchange answers by this snapshot any more."""
        if self._users == 0:
            then()
        else:
            self._retired = then

    def _compile(self, route: Route | None, extra: Iterable[PluginEntry] = ()) -> Pipeline:
        entries = merged(route.plugins if route else (), extra)
        members = [*self._members(entries), *self._forward(route)]
        return Pipeline.compile(self._schemas.registry, self._global, members)

    def _members(self, entries: Iterable[PluginEntry]) -> list[Member]:
        members = []
        for entry in entries:
            if not entry.disabled:
                instance = self._instance(entry)
                priority = instance.priority if entry.priority is None else entry.priority
                members.append(Member(instance, priority))
        return members

    def _instance(self, entry: PluginEntry) -> Plugin:
        make = self._schemas.plugins.instance
        return self.instances.get(
            (entry.owner, entry.name), entry.config, entry.path, lambda: make(entry.name, entry.config)
        )

    def _forward(self, route: Route | None) -> list[Member]:
        if route is None or route.upstream is None:
            return []
        upstream, timeouts = route.upstream, route.timeouts
        instance = self.instances.get(
            (Forward.name, upstream.id, timeouts),
            (upstream, timeouts),
            upstream.id,
            lambda: Forward(upstream=upstream, timeouts=timeouts),
        )
        return [Member(instance, Forward.priority)]

    def _unanswered(self) -> Iterator[Finding]:
        for route in self.routes:
            pipeline = self._pipelines[route.id]
            if not (pipeline.proxy or pipeline.access or pipeline.rewrite):
                message = "has neither an upstream nor a plugin that could answer: its requests get 503"
                yield Finding(route.path, message, "warning")


def _key_fields(schemas: Schemas) -> dict[str, str]:
    classes = schemas.registry.classes.values()
    return {cls.name: cls.consumer_key for cls in classes if cls.consumer_key is not None}
