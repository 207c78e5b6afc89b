"""All resources of file and store as they are at one moment, by kind and id, and who refers to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..multi_auth import MultiAuth, inside
from ..store.records import Key, Value

_REFERRING = {"services": "service_id", "upstreams": "upstream_id", "plugin_configs": "plugin_config_id"}


class Landscape:
    """Resources by kind and id, and which of them are the file's; nothing in it changes."""

    def __init__(self, resources: Mapping[Key, Value], filed: frozenset[Key] = frozenset()) -> None:
        self.resources = resources
        self.filed = filed

    def get(self, kind: str, id_: object) -> Value | None:
        """Return a resource, None for one that is not there."""
        return self.resources.get((kind, str(id_)))

    def of(self, kind: str) -> Iterator[tuple[str, Value]]:
        """Yield the ids and values of a kind."""
        return ((id_, value) for (its, id_), value in self.resources.items() if its == kind)

    def amended(self, resources: Mapping[Key, Value | None]) -> Landscape:
        """Return the same with some resources as they are given, None standing for one that is gone."""
        amended = {**self.resources, **resources}
        return Landscape({key: value for key, value in amended.items() if value is not None}, self.filed)

    def plugins(self, route: Value) -> dict[str, Any]:
        """Return the plugins that run on a route with their configurations, those of what it refers to among them.

        What stands inside of a `multi-auth` goes with it.
        """
        merged: dict[str, Any] = {}
        inner: dict[str, Any] = {}
        for owner in (self._referred(route, "services"), self._referred(route, "plugin_configs"), route):
            own = _mapping(owner.get("plugins"))
            if MultiAuth.name in own:
                merged = {name: config for name, config in merged.items() if name not in inner}
                inner = _inside(own[MultiAuth.name])
            merged |= {**own, **(inner if MultiAuth.name in own else {})}
        return {name: config for name, config in merged.items() if not _is_off(config)}

    def upstream(self, route: Value) -> Value | None:
        """Return the upstream that a route's requests go to where no plugin answers them."""
        for owner in (route, self._referred(route, "services")):
            found = owner.get("upstream") or self.get("upstreams", owner.get("upstream_id"))
            if found:
                return _mapping(found)
        return None

    def hosts(self, route: Value) -> list[str]:
        """Return the hosts that a route is for, none for every host."""
        own = several(route, "host", "hosts")
        return own or several(self._referred(route, "services"), "host", "hosts")

    def uses(self, route: Value, key: Key) -> bool:
        """Tell whether a route refers to a resource, itself or through its service."""
        kind, id_ = key
        field = _REFERRING.get(kind)
        if field is not None and _names(route, field, id_):
            return True
        return kind == "upstreams" and _names(self._referred(route, "services"), "upstream_id", id_)

    def _referred(self, route: Value, kind: str) -> Value:
        return self.get(kind, route.get(_REFERRING[kind])) or {}


def several(value: Value, one: str, many: str) -> list[str]:
    """Return what stands under either key as a list of text."""
    found = [value[one]] if one in value else value.get(many, ())
    return [str(item) for item in found] if isinstance(found, Iterable) else []


def _names(value: Value, field: str, id_: str) -> bool:
    return field in value and str(value[field]) == id_


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _inside(config: object) -> dict[str, Any]:
    return {} if _is_off(config) else {name: inner for _, name, inner in inside(_mapping(config))}


def _is_off(config: object) -> bool:
    return bool(_mapping(_mapping(config).get("_meta")).get("disable"))
