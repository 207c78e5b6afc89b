"""The schemas of a running gateway, made once, since each remembers what it found good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Finding
from ..registry import Registry
from .managers import ManagerSchema
from .plugins import PluginSchemas
from .resources import DOCUMENT, KINDS, NODE
from .validator import Schema


class Schemas:
    """Every schema that documents are judged by: the whole document, each kind of resource, each plugin.

    `native` says whether they are for the gateway's own listener, which does what no other server does.
    """

    def __init__(self, registry: Registry, *, native: bool = True) -> None:
        self.registry = registry
        self.native = native
        self.document = Schema(DOCUMENT)
        self.kinds = {kind: Schema(rules) for kind, rules in KINDS.items()} | {"secrets": ManagerSchema()}
        self.node = Schema(NODE)
        self.plugins = PluginSchemas(registry)

    def judge(self, kind: str, value: object, path: str) -> tuple[Mapping[str, Any], list[Finding]]:
        """Return a resource with its defaults filled in, and every error."""
        if kind == "plugin_metadata" and isinstance(value, Mapping):
            return self._metadata(value, path)
        return self.kinds[kind].validate(value, path)

    def _metadata(self, value: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], list[Finding]]:
        """Return what a plugin is told under `metadata`: all but the id, which is the plugin's name, is its to judge."""
        named = {key: item for key, item in value.items() if key == "id"}
        judged, findings = self.kinds["plugin_metadata"].validate(named, path)
        if findings:
            return judged, findings
        told = {key: item for key, item in value.items() if key != "id"}
        metadata, findings = self.plugins.validate_metadata(judged["id"], told, path)
        return {**judged, "metadata": metadata}, findings
