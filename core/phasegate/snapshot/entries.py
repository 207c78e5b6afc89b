"""The `plugins` maps of resources: entries judged by their plugins' schemas, credentials told apart, layers merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..model import Credential, PluginEntry
from ..schema.plugins import PluginSchemas
from .resource import Notes


class Entries:
    """Judges plugin entries, and notes what is wrong with them or doubtful."""

    def __init__(self, schemas: PluginSchemas, notes: Notes) -> None:
        self._schemas = schemas
        self._notes = notes

    def of(self, plugins: Mapping[str, Any], owner: str, path: str) -> tuple[PluginEntry, ...]:
        """Return the entries of a `plugins` map that stands in the resource at `path`, without those that are refused."""
        entries = (self._entry(name, config, owner, f"{path}.plugins.{name}") for name, config in plugins.items())
        return tuple(entry for entry in entries if entry is not None)

    def is_credential(self, name: str) -> bool:
        """Tell whether a plugin's entry on a consumer is a credential."""
        return self._schemas.is_credential(name)

    def credential(self, name: str, config: object, id_: str, path: str) -> Credential | None:
        """Return the credential that stands in the resource at `path`; None for one that is refused or turned off."""
        where = f"{path}.plugins.{name}"
        meta, meta_findings = self._schemas.meta(config, where)
        value, findings = self._schemas.validate_credential(name, config, where)
        self._notes.errors += [*meta_findings, *findings]
        if meta_findings or findings or meta["disable"]:
            return None
        return Credential(id_, name, value)

    def _entry(self, name: str, config: object, owner: str, path: str) -> PluginEntry | None:
        meta, meta_findings = self._schemas.meta(config, path)
        value, findings = self._schemas.validate(name, config, path)
        self._notes.errors += meta_findings + findings
        if meta_findings or findings:
            return None
        told = self._schemas.check(name, value)
        self._notes.errors += [finding.under(path) for finding in told if finding.level == "error"]
        self._notes.warnings += [finding.under(path) for finding in told if finding.level == "warning"]
        return PluginEntry(name, owner, path, value, meta["disable"], meta.get("priority"))


def merged(*layers: Iterable[PluginEntry]) -> tuple[PluginEntry, ...]:
    """Return the entries that hold: of several for one plugin the one in the last layer."""
    chosen: dict[str, PluginEntry] = {}
    for layer in layers:
        for entry in layer:
            chosen[entry.name] = entry
    return tuple(chosen.values())
