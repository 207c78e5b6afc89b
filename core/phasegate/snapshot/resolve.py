"""From documents to the model: every resource judged, references followed, plugins merged by precedence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from ..environment import holds_environment, shown
from ..errors import ConfigError, Finding
from ..model import Consumer, Credential, PluginEntry, Route, Service, Timeouts, Upstream
from ..router.pattern import parse_uri
from ..router.predicates import compile_vars
from ..schema.tables import Schemas
from .certificates import Certificate, Certificates, JudgedCertificates
from .upstreams import upstream_of

Document = Mapping[str, Any]
_NUMBER = re.compile(r"(\d+)")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A whole configuration, valid in itself; `warnings` tell what is doubtful."""

    routes: tuple[Route, ...] = ()
    global_entries: tuple[PluginEntry, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    warnings: tuple[Finding, ...] = ()


def resolve(document: Document, schemas: Schemas, former: Certificates | None = None) -> Resolved:
    """Return what the document says. Raise ConfigError with everything that is wrong with it.

    What `former` certificates were made of is not made again.
    """
    resolver = _Resolver(schemas, former or Certificates())
    resolved = resolver.resolve(document)
    if resolver.findings:
        raise ConfigError(sorted(resolver.findings, key=_place))
    return resolved


def _place(finding: Finding) -> list[tuple[int, int, str]]:
    """Return what puts findings into the order of their document: `routes[2]` before `routes[10]`."""
    parts = _NUMBER.split(finding.path)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


@dataclass(slots=True)
class _Resource:
    """One judged resource, with where it stands; `path` leads to it in its document."""

    id: str
    path: str
    owner: str
    value: dict[str, Any]


@dataclass(slots=True)
class _Resolver:
    schemas: Schemas
    former: Certificates
    findings: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def resolve(self, document: Document) -> Resolved:
        lists, findings = self.schemas.document.validate(document)
        self.findings += findings
        if findings:
            return Resolved()
        kinds = {kind: self._judged(kind, lists[kind]) for kind in self.schemas.kinds}
        upstreams = {item.id: self._upstream(item.value, item) for item in kinds["upstreams"]}
        configs = {item.id: self._entries(item) for item in kinds["plugin_configs"]}
        services = {item.id: self._service(item, upstreams) for item in kinds["services"]}
        routes = [self._route(item, order, services, configs, upstreams) for order, item in enumerate(kinds["routes"])]
        served = [route for route, item in zip(routes, kinds["routes"], strict=True) if item.value["status"]]
        return Resolved(
            tuple(served),
            self._global_entries(kinds["global_rules"]),
            self._consumers(kinds["consumers"]),
            self._certificates(kinds["ssls"]),
            tuple(self.warnings),
        )

    def _certificates(self, items: list[_Resource]) -> tuple[Certificate, ...]:
        judged = JudgedCertificates.of(items, self.former, native=self.schemas.native)
        self.findings += judged.findings
        self.warnings += judged.warnings
        return tuple(judged.entries)

    def _judged(self, kind: str, items: Iterable[object]) -> list[_Resource]:
        judged: list[_Resource] = []
        seen: dict[str, str] = {}
        for index, item in enumerate(items):
            path = f"{kind}[{index}]"
            value, findings = self.schemas.kinds[kind].validate(item, path)
            self.findings += findings
            if findings:
                self._judge_plugins_of(item, path)
                continue
            key = "username" if kind == "consumers" else "id"
            name = value[key]
            if name in seen:
                self.findings.append(Finding(f"{path}.{key}", f"{name!r} is taken by {seen[name]}: choose another"))
                continue
            seen[name] = path
            judged.append(_Resource(name, path, f"{kind}/{name}", value))
        return judged

    def _judge_plugins_of(self, item: object, path: str) -> None:
        """Look at the plugins of a resource that is refused already, so that all of its mistakes are told at once."""
        plugins = item.get("plugins") if isinstance(item, dict) else None
        if isinstance(plugins, dict):
            resource = _Resource("", path, "", {"plugins": plugins, "labels": {}})
            if path.startswith("consumers"):
                self._consumer(resource, {})
            else:
                self._entries(resource)

    def _route(
        self,
        item: _Resource,
        order: int,
        services: Mapping[str, Service],
        configs: Mapping[str, tuple[PluginEntry, ...]],
        upstreams: Mapping[str, Upstream | None],
    ) -> Route:
        value = item.value
        service = self._referenced(item, "service_id", services)
        config = self._referenced(item, "plugin_config_id", configs)
        layers = (service.plugins if service else (), config or (), self._entries(item))
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
            plugins=merged(*layers),
            upstream=self._target(item, upstreams) or (service.upstream if service else None),
            timeouts=Timeouts(**timeout) if timeout else None,
            service_id=value.get("service_id"),
            enable_websocket=value.get("enable_websocket", service.enable_websocket if service else False),
            name=value.get("name"),
            labels=value["labels"],
            order=order,
        )

    def _service(self, item: _Resource, upstreams: Mapping[str, Upstream | None]) -> Service:
        hosts = tuple(item.value.get("hosts", ()))
        entries, target = self._entries(item), self._target(item, upstreams)
        return Service(item.id, hosts, entries, target, item.value["enable_websocket"])

    def _target(self, item: _Resource, upstreams: Mapping[str, Upstream | None]) -> Upstream | None:
        if "upstream" in item.value and "upstream_id" in item.value:
            self.findings.append(Finding(f"{item.path}.upstream_id", "stands beside upstream: give one of them"))
        if "upstream" in item.value:
            return self._upstream(item.value["upstream"], item, ".upstream")
        return self._referenced(item, "upstream_id", upstreams)

    def _upstream(self, value: Document, item: _Resource, key: str = "") -> Upstream | None:
        upstream, findings = upstream_of(value, item.owner, item.path + key, self.schemas.node)
        self.findings += findings
        return upstream

    def _referenced(self, item: _Resource, key: str, known: Mapping[str, T]) -> T | None:
        wanted = item.value.get(key)
        if wanted is None:
            return None
        if wanted not in known:
            close = get_close_matches(wanted, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known) or 'none'}"
            kind = key.removesuffix("_id").replace("_", " ")
            self.findings.append(Finding(f"{item.path}.{key}", f"there is no {kind} {shown(wanted)}{hint}"))
        return known.get(wanted)

    def _uris(self, item: _Resource) -> tuple[str, ...]:
        uris = self._one_or_many(item, "uri", "uris")
        if not uris:
            self.findings.append(Finding(f"{item.path}.uri", "is required (or uris)"))
        where = "uris[{}]" if "uris" in item.value else "uri"
        for index, uri in enumerate(uris):
            self._attempt(f"{item.path}.{where.format(index)}", parse_uri, uri)
        return uris

    def _vars(self, item: _Resource) -> tuple[object, ...]:
        conditions = tuple(item.value.get("vars", ()))
        if conditions and isinstance(conditions[0], str):
            self._attempt(f"{item.path}.vars", compile_vars, conditions)
        else:
            for index, condition in enumerate(conditions):
                self._attempt(f"{item.path}.vars[{index}]", compile_vars, [condition])
        return conditions

    def _attempt(self, path: str, compile_: Callable[[Any], object], value: Any) -> None:
        try:
            compile_(value)
        except ValueError as error:
            hidden = holds_environment(value)
            message = "is not valid, with a value from the environment in it" if hidden else str(error)
            self.findings.append(Finding(path, message.removeprefix("[0]").lstrip()))

    def _one_or_many(self, item: _Resource, one: str, many: str) -> tuple[str, ...]:
        if one in item.value and many in item.value:
            self.findings.append(Finding(f"{item.path}.{one}", f"stands beside {many}: give one of them"))
        return (item.value[one],) if one in item.value else tuple(item.value.get(many, ()))

    def _entries(self, item: _Resource) -> tuple[PluginEntry, ...]:
        return tuple(
            entry
            for name, config in item.value["plugins"].items()
            if (entry := self._entry(item, name, config)) is not None
        )

    def _entry(self, item: _Resource, name: str, config: object) -> PluginEntry | None:
        path = f"{item.path}.plugins.{name}"
        meta, meta_findings = self.schemas.plugins.meta(config, path)
        value, findings = self.schemas.plugins.validate(name, config, path)
        self.findings += meta_findings + findings
        if meta_findings or findings:
            return None
        told = self.schemas.plugins.check(name, value)
        self.findings += [finding.under(path) for finding in told if finding.level == "error"]
        self.warnings += [finding.under(path) for finding in told if finding.level == "warning"]
        return PluginEntry(name, item.owner, path, value, meta["disable"], meta.get("priority"))

    def _global_entries(self, items: Iterable[_Resource]) -> tuple[PluginEntry, ...]:
        entries: dict[str, PluginEntry] = {}
        for entry in (entry for item in items for entry in self._entries(item)):
            if entry.name in entries:
                other = entries[entry.name].owner
                self.findings.append(Finding(entry.path, f"stands in {other} already: remove one of them"))
            entries[entry.name] = entry
        return tuple(entries.values())

    def _consumers(self, items: Iterable[_Resource]) -> tuple[Consumer, ...]:
        holders: dict[tuple[str, str], str] = {}
        return tuple(self._consumer(item, holders) for item in items)

    def _consumer(self, item: _Resource, holders: dict[tuple[str, str], str]) -> Consumer:
        credentials: list[Credential] = []
        chain: dict[str, Any] = {}
        for name, config in item.value["plugins"].items():
            if not self.schemas.plugins.is_credential(name):
                chain[name] = config
                continue
            path = f"{item.path}.plugins.{name}"
            meta, meta_findings = self.schemas.plugins.meta(config, path)
            value, findings = self.schemas.plugins.validate_credential(name, config, path)
            self.findings += [*meta_findings, *(findings or self._clash(name, value, item, holders))]
            if not meta_findings and not meta["disable"]:
                credentials.append(Credential(f"{item.id}/{name}", name, value))
        entries = self._entries(_Resource(item.id, item.path, item.owner, {"plugins": chain}))
        return Consumer(item.id, tuple(credentials), entries, item.value["labels"])

    def _clash(
        self, plugin: str, config: Document, item: _Resource, holders: dict[tuple[str, str], str]
    ) -> list[Finding]:
        cls = self.schemas.registry.get(plugin)
        key = cls.consumer_key if cls else None
        if key is None or key not in config:
            return []
        other = holders.setdefault((plugin, config[key]), item.id)
        if other == item.id:
            return []
        where = f"{item.path}.plugins.{plugin}.{key}"
        return [Finding(where, f"is the key of consumer {other!r} too: give each its own")]


def merged(*layers: Iterable[PluginEntry]) -> tuple[PluginEntry, ...]:
    """Return the entries that hold: of several for one plugin the one in the last layer."""
    chosen: dict[str, PluginEntry] = {}
    for layer in layers:
        for entry in layer:
            chosen[entry.name] = entry
    return tuple(chosen.values())
