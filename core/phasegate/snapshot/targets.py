"""What resources refer to: other resources by id, and the upstream that requests go to."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from ..environment import shown
from ..model import Upstream
from ..schema import Schema
from .inventory import Inventory
from .resource import Notes, Resource
from .upstreams import upstream_of

T = TypeVar("T")

_KINDS = {
    "service_id": "services",
    "upstream_id": "upstreams",
    "plugin_config_id": "plugin_configs",
    "group_id": "consumer_groups",
}
_LISTED = 20


class References:
    """Follows references, and notes those that lead nowhere."""

    def __init__(self, inventory: Inventory, node_schema: Schema, notes: Notes) -> None:
        self._inventory = inventory
        self._node = node_schema
        self._notes = notes

    def follow(self, item: Resource, key: str, known: Mapping[str, T]) -> T | None:
        """Return what a key of the resource refers to. One that leads to a refused resource is no mistake of its own."""
        wanted = item.value.get(key)
        if wanted is None:
            return None
        if wanted not in known and (_KINDS[key], wanted) not in self._inventory.missing:
            kind = "consumer group" if key == "group_id" else key.removesuffix("_id").replace("_", " ")
            self._notes.error(f"{item.path}.{key}", f"there is no {kind} {shown(wanted)}{_hint(wanted, known)}")
        return known.get(wanted)

    def target(self, item: Resource, upstreams: Mapping[str, Upstream | None]) -> Upstream | None:
        """Return the upstream that the resource holds or refers to."""
        if "upstream" in item.value and "upstream_id" in item.value:
            self._notes.error(f"{item.path}.upstream_id", "stands beside upstream: give one of them")
        if "upstream" in item.value:
            return self.upstream(item, item.value["upstream"], ".upstream")
        return self.follow(item, "upstream_id", upstreams)

    def upstream(self, item: Resource, value: Mapping[str, Any], key: str = "") -> Upstream | None:
        """Return the upstream that a value describes which stands under a key of the resource."""
        upstream, findings = upstream_of(value, item.owner, item.path + key, self._node)
        self._notes.errors += findings
        return upstream


def _hint(wanted: str, known: Mapping[str, object]) -> str:
    if len(known) > _LISTED:
        return ""
    close = get_close_matches(wanted, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known)) or 'none'}"
