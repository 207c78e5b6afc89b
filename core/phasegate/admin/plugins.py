"""The endpoints that tell of plugins and of schemas."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from ..http.message import Response
from ..plugin import Plugin
from ..schema.published import PARTS, PublishedSchemas
from ..schema.tables import Schemas
from .answers import Refused, answer
from .call import Call
from .kinds import KINDS


class Plugins:
    """Answers which plugins are enabled, and what configurations of theirs and of resources look like."""

    def __init__(self, schemas: Schemas) -> None:
        self._registry = schemas.registry
        self._published = PublishedSchemas(schemas.registry)

    async def names(self, _call: Call) -> Response:
        """Answer with the enabled plugins, those of the highest priority first."""
        return answer([cls.name for cls in self._ordered()])

    async def all(self, call: Call) -> Response:
        """Answer with everything about every plugin, by name."""
        _judge_subsystem(call)
        return answer({cls.name: self._described(cls) for cls in self._ordered()})

    async def reload(self, _call: Call) -> Response:
        """Say that it is done: plugins are Python packages, and SIGHUP takes up changed ones."""
        return Response(200, {"content-type": "text/plain; charset=utf-8"}, b"done")

    async def schema(self, call: Call, name: str) -> Response:
        """Answer with a plugin's JSON Schema, or with that of its consumers or its metadata."""
        _judge_subsystem(call)
        part = call.request.query.get("schema_type") or "main"
        if name not in self._registry.classes:
            raise Refused(404, f"plugin not found: {name}")
        schema = self._published.plugin(name, part) if part in PARTS else None
        if schema is None:
            raise Refused(400, f"not found schema: plugin {name} has no {part} schema")
        return answer(schema)

    async def kind_schema(self, _call: Call, name: str) -> Response:
        """Answer with the JSON Schema of a kind, named in the singular or the plural."""
        kind = kind_named(name)
        schema = None if kind is None else self._published.kind(kind)
        if schema is None:
            raise Refused(400, f"not found schema: {name}")
        return answer(schema)

    def _ordered(self) -> list[type[Plugin]]:
        return sorted(self._registry.classes.values(), key=lambda cls: (-cls.priority, cls.name))

    def _described(self, cls: type[Plugin]) -> dict[str, Any]:
        parts = {name: self._published.plugin(cls.name, name) for name in PARTS}
        described = {
            "name": cls.name,
            "version": version("phasegate"),
            "priority": cls.priority,
            "type": "auth" if parts["consumer"] else None,
            "schema": parts["main"],
            "consumer_schema": parts["consumer"],
            "metadata_schema": parts["metadata"],
        }
        return {key: value for key, value in described.items() if value is not None}


def kind_named(name: str) -> str | None:
    """Return the kind that a word means, `route` as well as `routes`; None where it means none."""
    nouns = {kind.noun.replace(" ", "_"): kind.name for kind in KINDS.values()}
    return name if name in KINDS else nouns.get(name)


def _judge_subsystem(call: Call) -> None:
    if call.request.query.get("subsystem", "http") != "http":
        raise Refused(400, "unsupported subsystem: only http is supported in this version")
