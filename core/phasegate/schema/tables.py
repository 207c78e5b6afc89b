"""The schemas of a running gateway, made once, since each remembers what it found good."""

from __future__ import annotations

from ..registry import Registry
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
        self.kinds = {kind: Schema(rules) for kind, rules in KINDS.items()}
        self.node = Schema(NODE)
        self.plugins = PluginSchemas(registry)
