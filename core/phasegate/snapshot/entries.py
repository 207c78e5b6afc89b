"""The `plugins` maps of resources: entries judged by their plugins' schemas, credentials told apart, layers merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..environment import shown
from ..errors import Finding
from ..model import Credential, PluginEntry
from ..multi_auth import MultiAuth, inside
from ..router.expression import Conditions
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
        found = [entry for entry in entries if entry is not None]
        for entry in tuple(found) if MultiAuth.name in plugins else ():
            if entry.name == MultiAuth.name:
                found += self._inner(entry, plugins)
        return tuple(found)

    def of_callers(self, plugins: Mapping[str, Any], owner: str, path: str) -> tuple[PluginEntry, ...]:
        """Return the entries of a consumer or a group of them, which hold once it is known who calls."""
        if MultiAuth.name in plugins:
            message = "has no place here: who calls is known already when this holds"
            self._notes.error(f"{path}.plugins.{MultiAuth.name}", message)
        return self.of(plugins, owner, path)

    def is_credential(self, name: str) -> bool:
        """Tell whether a plugin's entry on a consumer is a credential."""
        return self._schemas.is_credential(name)

    def credential(
        self, name: str, config: object, id_: str, path: str, *, identifier: str | None = None
    ) -> Credential | None:
        """Return the credential that stands in the resource at `path`; None for one that is refused or turned off."""
        where = f"{path}.plugins.{name}"
        meta, meta_findings = self._schemas.meta(config, where, in_phases=False)
        value, findings = self._schemas.validate_credential(name, config, where)
        self._notes.errors += [*meta_findings, *findings]
        if meta_findings or findings:
            return None
        self._note(self._schemas.check_credential(name, value), where)
        return None if meta["disable"] else Credential(id_, name, value, identifier)

    def _inner(self, entry: PluginEntry, plugins: Mapping[str, Any]) -> Iterator[PluginEntry]:
        """Yield the entries inside of a `multi-auth`, which belong to the resource that it stands in."""
        for index, name, config in inside(entry.config):
            path = f"{entry.path}.auth_plugins[{index}].{name}"
            if name in plugins:
                wrong = "can't stand inside of itself" if name == MultiAuth.name else "stands beside multi-auth, too"
                self._notes.error(path, f"{wrong}: remove one of them")
            elif not self._schemas.authenticates(name):
                self._notes.error(path, f"{shown(name)} is no auth plugin that is enabled here: add one that is")
            else:
                found = self._entry(name, config, entry.owner, path)
                if found is not None:
                    yield replace(found, within=entry.name, disabled=found.disabled or entry.disabled)

    def _entry(self, name: str, config: object, owner: str, path: str) -> PluginEntry | None:
        meta, meta_findings = self._schemas.meta(config, path, in_phases=name != MultiAuth.name)
        value, findings = self._schemas.validate(name, config, path)
        self._notes.errors += meta_findings + findings
        if meta_findings or findings:
            return None
        conditions = tuple(meta.get("filter", ()))
        self._note(Conditions.wrong(conditions, "_meta.filter"), path)
        self._note(self._schemas.check(name, value), path)
        return PluginEntry(
            name,
            owner,
            path,
            value,
            disabled=meta["disable"],
            priority=meta.get("priority"),
            filter=conditions,
            error_response=meta.get("error_response"),
        )

    def _note(self, told: Iterable[Finding], path: str) -> None:
        for finding in told:
            notes = self._notes.errors if finding.level == "error" else self._notes.warnings
            notes.append(finding.under(path))


def merged(*layers: Iterable[PluginEntry]) -> tuple[PluginEntry, ...]:
    """Return the entries that hold: of several for one plugin the one in the last layer.

    What stands within a plugin's configuration goes with it, where a later layer has another one.
    """
    chosen: dict[str, PluginEntry] = {}
    for layer in map(tuple, layers):
        anew = {entry.name for entry in layer if entry.within is None}
        chosen = {name: entry for name, entry in chosen.items() if entry.within not in anew}
        chosen |= {entry.name: entry for entry in layer}
    return tuple(chosen.values())
