"""From documents and records to the model: every resource judged, references followed, plugins merged by precedence.

It goes by stages, a kind each, in the order in which kinds refer to each other. A stage takes over what neither a change of
the resource itself nor one of what it refers to has touched, so the work is that of the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, Finding
from ..model import Consumer, Credential, PluginEntry, Route, Service, Upstream
from ..schema.tables import Schemas
from .entries import Entries
from .inventory import Inventory, Sources, taking_stock
from .people import ConsumerMaker, by_consumer, credential_of, note_orphans, noting_clashes, owner_of
from .resource import Notes, Refused, Resource, place
from .routes import RouteMaker
from .slices import Steps
from .stage import Stage, staging
from .targets import References


@dataclass(frozen=True, slots=True)
class Resolved:
    """A whole configuration, valid in itself. A route that is turned off is None."""

    inventory: Inventory
    upstreams: Stage[Upstream | None] = field(default_factory=Stage)
    configs: Stage[tuple[PluginEntry, ...]] = field(default_factory=Stage)
    services: Stage[Service] = field(default_factory=Stage)
    routes: Stage[Route | None] = field(default_factory=Stage)
    groups: Stage[tuple[PluginEntry, ...]] = field(default_factory=Stage)
    credentials: Stage[Credential | None] = field(default_factory=Stage)
    consumers: Stage[Consumer] = field(default_factory=Stage)
    rules: Stage[tuple[PluginEntry, ...]] = field(default_factory=Stage)
    global_entries: tuple[PluginEntry, ...] = ()

    @property
    def metadata(self) -> Mapping[str, Resource]:
        """What plugins were given beyond their configurations, by their names."""
        return self.inventory.kinds["plugin_metadata"]

    @property
    def warnings(self) -> list[Finding]:
        """What is doubtful about it."""
        stages: tuple[Stage[Any], ...] = (
            self.routes,
            self.services,
            self.configs,
            self.rules,
            self.groups,
            self.consumers,
        )
        return [finding for stage in stages for told in stage.warnings.values() for finding in told]


def resolving(sources: Sources, schemas: Schemas, former: Resolved | None = None) -> Steps[Resolved]:
    """Return what the sources say, in steps. Raise ConfigError with everything that is wrong with it."""
    notes = Notes()
    former = former or Resolved(Inventory.empty(schemas))
    inventory = yield from taking_stock(sources, schemas, former.inventory, notes)
    resolved = yield from _Resolver(inventory, schemas, former, notes).steps()
    if notes.errors:
        raise ConfigError(sorted(notes.errors, key=place))
    return resolved


class _Resolver:
    def __init__(self, inventory: Inventory, schemas: Schemas, former: Resolved, notes: Notes) -> None:
        self._inventory = inventory
        self._kinds = inventory.kinds
        self._former = former
        self._notes = notes
        self._entries = Entries(schemas.plugins, notes)
        self._references = References(inventory, schemas.node, notes)
        self._keys = schemas.plugins.consumer_keys

    def steps(self) -> Steps[Resolved]:
        kinds, former, notes = self._kinds, self._former, self._notes
        upstreams = yield from staging(former.upstreams, kinds["upstreams"], self._upstream, notes)
        configs = yield from staging(former.configs, kinds["plugin_configs"], self._entries_of, notes)
        services = yield from self._services(upstreams)
        routes = yield from self._routes(upstreams, configs, services)
        groups = yield from staging(former.groups, kinds["consumer_groups"], self._entries_of, notes)
        credentials = yield from staging(former.credentials, kinds["credentials"], self._credential, notes)
        consumers = yield from self._consumers(groups, credentials)
        rules = yield from staging(former.rules, kinds["global_rules"], self._entries_of, notes)
        entries = self._global_entries(rules) if rules.changed else former.global_entries
        for refused in self._inventory.refused:
            self._judge_plugins_of(refused)
            yield
        return Resolved(
            self._inventory, upstreams, configs, services, routes, groups, credentials, consumers, rules, entries
        )

    def _upstream(self, item: Resource) -> Upstream | None:
        return self._references.upstream(item, item.value)

    def _entries_of(self, item: Resource) -> tuple[PluginEntry, ...]:
        return self._entries.of(item.value["plugins"], item.owner, item.path)

    def _credential(self, item: Resource) -> Credential | None:
        return credential_of(item, self._entries, self._notes)

    def _services(self, upstreams: Stage[Upstream | None]) -> Steps[Stage[Service]]:
        def service(item: Resource) -> Service:
            hosts = tuple(item.value.get("hosts", ()))
            target = self._references.target(item, upstreams.values)
            return Service(item.id, hosts, self._entries_of(item), target, item.value["enable_websocket"])

        moved = {"upstream_id": upstreams.changed}
        return (yield from staging(self._former.services, self._kinds["services"], service, self._notes, moved))

    def _routes(
        self,
        upstreams: Stage[Upstream | None],
        configs: Stage[tuple[PluginEntry, ...]],
        services: Stage[Service],
    ) -> Steps[Stage[Route | None]]:
        maker = RouteMaker(
            services.values, configs.values, upstreams.values, self._entries, self._references, self._notes
        )

        def route(item: Resource) -> Route | None:
            made = maker.route(item)
            return made if item.value["status"] else None

        moved = {
            "upstream_id": upstreams.changed,
            "plugin_config_id": configs.changed,
            "service_id": services.changed,
        }
        return (yield from staging(self._former.routes, self._kinds["routes"], route, self._notes, moved))

    def _consumers(
        self, groups: Stage[tuple[PluginEntry, ...]], credentials: Stage[Credential | None]
    ) -> Steps[Stage[Consumer]]:
        people = self._kinds["consumers"]
        moved = {"group_id": groups.changed, "username": {owner_of(id_) for id_ in credentials.changed}}
        if people is self._former.consumers.resources and not any(moved.values()):
            return self._former.consumers.untouched()
        maker = ConsumerMaker(groups.values, by_consumer(credentials), self._entries, self._references)
        yield
        consumers = yield from staging(self._former.consumers, people, maker.consumer, self._notes, moved)
        note_orphans(credentials.resources.values(), self._inventory, self._notes)
        yield from noting_clashes(consumers, credentials, self._keys, self._notes)
        return consumers

    def _global_entries(self, rules: Stage[tuple[PluginEntry, ...]]) -> tuple[PluginEntry, ...]:
        entries: dict[str, PluginEntry] = {}
        for item in sorted(rules.resources.values(), key=lambda item: item.age):
            for entry in rules.values[item.id]:
                other = entries.setdefault(entry.name, entry)
                if other is not entry:
                    self._notes.error(entry.path, f"stands in {other.owner} already: remove one of them")
        return tuple(entries.values())

    def _judge_plugins_of(self, refused: Refused) -> None:
        """Look at the plugins of a resource that is refused already, so that all of its mistakes are told at once."""
        plugins = refused.raw.get("plugins") if isinstance(refused.raw, Mapping) else None
        if not isinstance(plugins, dict):
            return
        known = self._entries.is_credential if refused.kind in ("consumers", "credentials") else lambda name: False
        for name, config in plugins.items():
            if known(name):
                self._entries.credential(name, config, "", refused.path)
            else:
                self._entries.of({name: config}, "", refused.path)
