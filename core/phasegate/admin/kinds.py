"""The kinds of resources that the Admin API knows, with APISIX's names for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..store.records import Value


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `noun` is what messages call it, `id_key` the field of the value that its id stands in.

    `posts` tells whether ids can be made up for it, `built` whether this version has it, `parts` how many an id has.
    """

    name: str
    noun: str
    id_key: str = "id"
    posts: bool = True
    built: bool = True
    parts: int = 1

    def path(self, id_: str) -> str:
        """Return the key of a resource as answers give it."""
        if self.name == "credentials":
            username, _, name = id_.partition("/")
            return f"/apisix/consumers/{username}/credentials/{name}"
        return f"/apisix/{self.name}/{id_}"

    def id_of(self, value: Value) -> str | None:
        """Return the id that stands in a value."""
        given = value.get(self.id_key)
        return None if given is None else str(given)

    def own_id(self, id_: str) -> str:
        """Return what the value's id field holds: of a credential's id the part behind its consumer."""
        return id_.partition("/")[2] if self.name == "credentials" else id_


KINDS = {
    kind.name: kind
    for kind in (
        Kind("routes", "route"),
        Kind("services", "service"),
        Kind("upstreams", "upstream"),
        Kind("consumers", "consumer", id_key="username", posts=False),
        Kind("credentials", "credential", posts=False, parts=2),
        Kind("consumer_groups", "consumer group"),
        Kind("plugin_configs", "plugin config"),
        Kind("global_rules", "global rule"),
        Kind("plugin_metadata", "plugin metadata", posts=False),
        Kind("secrets", "secret", posts=False, parts=2),
        Kind("ssls", "ssl"),
        Kind("stream_routes", "stream route", built=False),
        Kind("protos", "proto", built=False),
    )
}
"""Every kind by its name."""

_REFERENCES = ("upstream_id", "service_id", "plugin_config_id", "group_id")


def with_texts_as_ids(value: dict[str, Any]) -> dict[str, Any]:
    """Return the value with every id that was given as a number as the text that it stands for."""
    ids = {key: str(value[key]) for key in ("id", *_REFERENCES) if type(value.get(key)) is int}
    return {**value, **ids}
