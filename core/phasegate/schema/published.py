"""The JSON Schemas that a gateway publishes: each kind of resource with its enabled plugins inside, and each plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..multi_auth import MultiAuth
from ..plugin import Plugin
from ..registry import Registry
from .json_schema import JSONSchema, json_schema
from .managers import MANAGERS
from .resources import KINDS, NODE, PLAIN_META, PLUGIN_META, UPSTREAM

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTS = ("main", "consumer", "metadata")

_IDS = ("id", "group_id", "plugin_config_id", "service_id", "upstream_id")
_TIMES = ("create_time", "update_time")

# What `resolve` asks beyond the rules of single keys.
_EXCLUDING = {
    "routes": (("host", "hosts"), ("remote_addr", "remote_addrs"), ("upstream", "upstream_id")),
    "services": (("upstream", "upstream_id"),),
}
_EITHER = {"routes": (("uri", "uris"),), "ssls": (("sni", "snis"),)}
_DEMANDED = {"credentials": ("plugins",)}
_REWRITTEN_HOST: JSONSchema = {
    "if": {"properties": {"pass_host": {"const": "rewrite"}}, "required": ["pass_host"]},
    "then": {"required": ["upstream_host"]},
}


class PublishedSchemas:
    """What `/schema/...` answers; made when it is asked for.

    `id` may be left out, since the path of a request gives it, and ids may be whole numbers, as the Admin API takes them.
    """

    def __init__(self, registry: Registry) -> None:
        self._classes: Mapping[str, type[Plugin]] = registry.classes

    def kind(self, kind: str) -> JSONSchema | None:
        """Return the schema of a kind of resource (`routes`), None for one that this version does not have."""
        schema = self.kind_with(kind, self.plugins(kind))
        return None if schema is None else {"$schema": DIALECT, **schema}

    def kind_with(self, kind: str, plugins: JSONSchema) -> JSONSchema | None:
        """Return the schema of a kind to be part of another, with this one for its `plugins`."""
        if kind == "secrets":
            return _any_of(
                {name: json_schema(rules) for name, rules in MANAGERS.items()}, r"/(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}"
            )
        if kind == "plugin_metadata":
            return self._metadata()
        if kind not in KINDS:
            return None
        schema = json_schema({key: rules for key, rules in KINDS[kind].items() if key not in _TIMES})
        if "plugins" in schema["properties"]:
            schema["properties"]["plugins"] = {**plugins, "description": schema["properties"]["plugins"]["description"]}
        for key in schema["properties"].keys() & set(_IDS):
            schema["properties"][key]["type"] = ["string", "integer"]
        for upstream in _upstreams(kind, schema):
            upstream["properties"]["nodes"] = {"description": UPSTREAM["nodes"]["about"], **_nodes()}
            upstream.update(_REWRITTEN_HOST)
        required = [key for key in (*schema.pop("required", ()), *_DEMANDED.get(kind, ())) if key != "id"]
        conditions = [*schema.pop("allOf", ()), *_conditions(kind)]
        return schema | ({"required": required} if required else {}) | ({"allOf": conditions} if conditions else {})

    def plugins(self, kind: str = "routes") -> JSONSchema:
        """Return the schema of the `plugins` of a kind.

        On consumers the entries of auth plugins are credentials, and credentials hold one of those, nothing else.
        """
        entries = {}
        for name, cls in sorted(self._classes.items()):
            is_credential = kind in ("consumers", "credentials") and cls.consumer_schema is not None
            if is_credential or kind != "credentials":
                part = "consumer" if is_credential else "main"
                entries[name] = _with_meta(self._part(cls, part) or {}, name, part)
        one = {"minProperties": 1, "maxProperties": 1} if kind == "credentials" else {}
        return {"type": "object", "properties": entries, "additionalProperties": False, **one}

    def plugin(self, name: str, part: str = "main") -> JSONSchema | None:
        """Return a part of a plugin's schema, of `PARTS`, None where there is no such plugin or part."""
        cls = self._classes.get(name)
        schema = None if cls is None else self._part(cls, part)
        if schema is None:
            return None
        return {"$schema": DIALECT, **(schema if part == "metadata" else _with_meta(schema, name, part))}

    def _metadata(self) -> JSONSchema:
        """Return the schema of what plugins are told, each by the rules of its own, its name being the id."""
        parts = {name: self._part(cls, "metadata") for name, cls in sorted(self._classes.items())}
        return _any_of({name: part for name, part in parts.items() if part is not None})

    def _part(self, cls: type[Plugin], part: str) -> JSONSchema | None:
        attribute = {"main": "schema", "consumer": "consumer_schema", "metadata": "metadata_schema"}[part]
        definition = getattr(cls, attribute, None)
        return None if definition is None else json_schema(definition)


def _any_of(options: Mapping[str, JSONSchema], behind: str = "") -> JSONSchema:
    """Return the schema of what has its own rules by its id, which is a name with something behind it."""
    if not options:
        return {"type": "object", "not": {}}
    by_id = [
        {**schema, "title": name, "properties": {**schema["properties"], "id": _id_of(name, behind)}}
        for name, schema in options.items()
    ]
    return {"type": "object", "anyOf": by_id}


def _id_of(name: str, behind: str) -> JSONSchema:
    return {"type": "string", "pattern": f"^{name}{behind}$"}


def _with_meta(schema: JSONSchema, plugin: str, part: str) -> JSONSchema:
    in_phases = part == "main" and plugin != MultiAuth.name
    meta = json_schema(PLUGIN_META if in_phases else PLAIN_META)
    return {**schema, "properties": {**schema["properties"], "_meta": meta}}


def _conditions(kind: str) -> Iterator[JSONSchema]:
    for pair in _EXCLUDING.get(kind, ()):
        yield {"not": {"required": list(pair)}}
    for pair in _EITHER.get(kind, ()):
        yield {"oneOf": [{"required": [key]} for key in pair]}


def _upstreams(kind: str, schema: JSONSchema) -> Iterator[dict[str, Any]]:
    if kind == "upstreams":
        yield schema
    elif "upstream" in schema["properties"]:
        yield schema["properties"]["upstream"]


def _nodes() -> JSONSchema:
    weights = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"type": "integer", "minimum": 0},
        "description": "host:port and its weight",
    }
    return {"anyOf": [weights, {"type": "array", "minItems": 1, "items": json_schema(NODE)}]}
