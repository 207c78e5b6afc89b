"""The schemas of a running gateway, made once, since each remembers what it found good."""

from __future__ import annotations

from ..registry import Registry
from .plugins import PluginSchemas
from .resources import DOCUMENT, KINDS, NODE
from .validator import Schema


class Schemas:
    """Every schema that documents are judged by: the whole document, each kind of resource, each plugin."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.document = Schema(DOCUMENT)
        self.kinds = {kind: Schema(rules) for kind, rules in KINDS.items()}
        self.node = Schema(NODE)
        self.plugins = PluginSchemas(registry)
