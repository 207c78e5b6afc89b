"""From a route's resource to the model: what it refers to looked up, what it matches checked, plugins merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..environment import holds_environment
from ..model import PluginEntry, Route, Service, Timeouts, Upstream
from ..router.expression import Conditions
from ..router.pattern import parse_uri
from .entries import Entries, merged
from .resource import Notes, Resource
from .targets import References


@dataclass(frozen=True, slots=True)
class RouteMaker:
    """Makes routes out of resources, and of what they refer to."""

    services: Mapping[str, Service]
    configs: Mapping[str, tuple[PluginEntry, ...]]
    upstreams: Mapping[str, Upstream | None]
    entries: Entries
    references: References
    notes: Notes

    def route(self, item: Resource) -> Route:
        """Return the route that a resource describes, with its mistakes noted."""
        value = item.value
        service = self.references.follow(item, "service_id", self.services)
        config = self.references.follow(item, "plugin_config_id", self.configs)
        own = self.entries.of(value["plugins"], item.owner, item.path)
        timeout = value.get("timeout")
        return Route(
            id=item.id,
            uris=self._uris(item),
            path=item.path,
            hosts=self._one_or_many(item, "host", "hosts") or (service.hosts if service else ()),
            methods=frozenset(value.get("methods", ())),
            remote_addrs=self._one_or_many(item, "remote_addr", "remote_addrs"),
            vars=self._vars(item),
            priority=value["priority"],
            plugins=merged(service.plugins if service else (), config or (), own),
            upstream=self.references.target(item, self.upstreams) or (service.upstream if service else None),
            timeouts=Timeouts(**timeout) if timeout else None,
            service_id=value.get("service_id"),
            enable_websocket=value.get("enable_websocket", service.enable_websocket if service else False),
            name=value.get("name"),
            labels=value["labels"],
            source=item.source,
            order=item.order,
        )

    def _uris(self, item: Resource) -> tuple[str, ...]:
        uris = self._one_or_many(item, "uri", "uris")
        if not uris:
            self.notes.error(f"{item.path}.uri", "is required (or uris)")
        where = "uris[{}]" if "uris" in item.value else "uri"
        for index, uri in enumerate(uris):
            self._attempt(f"{item.path}.{where.format(index)}", parse_uri, uri)
        return uris

    def _vars(self, item: Resource) -> tuple[object, ...]:
        conditions = tuple(item.value.get("vars", ()))
        self.notes.errors += Conditions.wrong(conditions, f"{item.path}.vars")
        return conditions

    def _attempt(self, path: str, compile_: Callable[[Any], object], value: Any) -> None:
        try:
            compile_(value)
        except ValueError as error:
            hidden = holds_environment(value)
            message = "is not valid, with a value from the environment in it" if hidden else str(error)
            self.notes.error(path, message.removeprefix("[0]").lstrip())

    def _one_or_many(self, item: Resource, one: str, many: str) -> tuple[str, ...]:
        if one in item.value and many in item.value:
            self.notes.error(f"{item.path}.{one}", f"stands beside {many}: give one of them")
        return (item.value[one],) if one in item.value else tuple(item.value.get(many, ()))
