"""From documents and records to the model: every resource judged, references followed, plugins merged by precedence.

It goes by stages, a kind each, in the order in which kinds refer to each other. A stage takes over what neither a change of
the resource itself nor one of what it refers to has touched, so the work is that of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import ConfigError, Finding
from ..model import Consumer, Credential, PluginEntry, Route, Service, Upstream
from ..schema.tables import Schemas
from .certificates import Certificate, certificate_of, doubts_of, note_shared_names
from .entries import Entries
from .inventory import Inventory, Sources, taking_stock
from .people import Claims, ConsumerMaker, claiming, credential_of, note_clashes, note_orphans, owner_of, owning
from .resource import Notes, Refused, Resource, place
from .routes import RouteMaker
from .slices import Steps
from .stage import Moves, Stage, staging
from .targets import References

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A whole configuration, valid in itself.

    A route that is turned off is None, as is a credential; `owned` has the ids of each consumer's credentials, `claims` the
    consumer that each key names.
    """

    inventory: Inventory
    upstreams: Stage[Upstream | None] = field(default_factory=Stage)
    configs: Stage[tuple[PluginEntry, ...]] = field(default_factory=Stage)
    services: Stage[Service] = field(default_factory=Stage)
    routes: Stage[Route | None] = field(default_factory=Stage)
    groups: Stage[tuple[PluginEntry, ...]] = field(default_factory=Stage)
    credentials: Stage[Credential | None] = field(default_factory=Stage)
    owned: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    consumers: Stage[Consumer] = field(default_factory=Stage)
    claims: Claims = field(default_factory=dict, repr=False)
    rules: Stage[tuple[PluginEntry, ...]] = field(default_factory=Stage)
    global_entries: tuple[PluginEntry, ...] = ()
    certificates: Stage[Certificate | None] = field(default_factory=Stage)

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
        told = [finding for stage in stages for told in stage.warnings.values() for finding in told]
        return [*told, *doubts_of(self.certificates)]


def resolving(sources: Sources, schemas: Schemas, former: Resolved) -> Steps[Resolved]:
    """Return what the sources say, in steps. Raise ConfigError with everything that is wrong with it."""
    notes = Notes()
    inventory = yield from taking_stock(sources, schemas, former.inventory, notes)
    resolved = yield from _Resolver(inventory, schemas, former, notes).steps()
    if notes.errors:
        raise ConfigError(sorted(notes.errors, key=place))
    return resolved


class _Resolver:
    def __init__(self, inventory: Inventory, schemas: Schemas, former: Resolved, notes: Notes) -> None:
        self._inventory = inventory
        self._former = former
        self._notes = notes
        self._entries = Entries(schemas.plugins, notes)
        self._references = References(inventory, schemas.node, notes)
        self._keys = schemas.plugins.consumer_keys
        self._native = schemas.native

    def steps(self) -> Steps[Resolved]:
        former = self._former
        upstreams = yield from self._stage("upstreams", former.upstreams, self._upstream)
        configs = yield from self._stage("plugin_configs", former.configs, self._entries_of)
        services = yield from self._services(upstreams)
        routes = yield from self._routes(upstreams, configs, services)
        groups = yield from self._stage("consumer_groups", former.groups, self._entries_of_callers)
        credentials = yield from self._stage("credentials", former.credentials, self._credential)
        owned = yield from owning(former.owned, credentials)
        consumers = yield from self._consumers(groups, credentials, owned)
        claims, clashes = yield from claiming(former.claims, former.consumers.values, consumers, self._keys)
        note_clashes(clashes, consumers, credentials, self._keys, self._notes)
        rules = yield from self._stage("global_rules", former.rules, self._entries_of)
        entries = self._global_entries(rules) if rules.changed else former.global_entries
        certificates = yield from self._certificates()
        for refused in self._inventory.refused:
            self._judge_plugins_of(refused)
            yield
        return Resolved(
            inventory=self._inventory,
            upstreams=upstreams,
            configs=configs,
            services=services,
            routes=routes,
            groups=groups,
            credentials=credentials,
            owned=owned,
            consumers=consumers,
            claims=claims,
            rules=rules,
            global_entries=entries,
            certificates=certificates,
        )

    def _stage(
        self, kind: str, former: Stage[T], make: Callable[[Resource], T], **referred: AbstractSet[str]
    ) -> Steps[Stage[T]]:
        """Return the stage of a kind; `referred` has, by key, the ids that changed among those that the key refers to."""
        moves = Moves(self._inventory.changed[kind], referred)
        return (yield from staging(former, self._inventory.kinds[kind], moves, make, self._notes))

    def _upstream(self, item: Resource) -> Upstream | None:
        return self._references.upstream(item, item.value)

    def _entries_of(self, item: Resource) -> tuple[PluginEntry, ...]:
        return self._entries.of(item.value["plugins"], item.owner, item.path)

    def _entries_of_callers(self, item: Resource) -> tuple[PluginEntry, ...]:
        return self._entries.of_callers(item.value["plugins"], item.owner, item.path)

    def _credential(self, item: Resource) -> Credential | None:
        return credential_of(item, self._entries, self._notes)

    def _services(self, upstreams: Stage[Upstream | None]) -> Steps[Stage[Service]]:
        def service(item: Resource) -> Service:
            hosts = tuple(item.value.get("hosts", ()))
            target = self._references.target(item, upstreams.values)
            return Service(item.id, hosts, self._entries_of(item), target, item.value["enable_websocket"])

        return (yield from self._stage("services", self._former.services, service, upstream_id=upstreams.changed))

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

        return (
            yield from self._stage(
                "routes",
                self._former.routes,
                route,
                upstream_id=upstreams.changed,
                plugin_config_id=configs.changed,
                service_id=services.changed,
            )
        )

    def _consumers(
        self,
        groups: Stage[tuple[PluginEntry, ...]],
        credentials: Stage[Credential | None],
        owned: Mapping[str, AbstractSet[str]],
    ) -> Steps[Stage[Consumer]]:
        changed = self._inventory.changed["consumers"] | {owner_of(id_) for id_ in credentials.changed}
        maker = ConsumerMaker(groups.values, credentials, owned, self._entries, self._references)
        moves = Moves(changed, {"group_id": groups.changed})
        consumers = yield from staging(
            self._former.consumers, self._inventory.kinds["consumers"], moves, maker.consumer, self._notes
        )
        note_orphans(changed, owned, credentials, self._inventory, self._notes)
        return consumers

    def _certificates(self) -> Steps[Stage[Certificate | None]]:
        former = self._former.certificates

        def certificate(item: Resource) -> Certificate | None:
            return certificate_of(item, former.values.get(item.id), self._notes)

        certificates = yield from self._stage("ssls", former, certificate)
        if certificates.changed:
            note_shared_names(certificates, self._notes, native=self._native)
        return certificates

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
