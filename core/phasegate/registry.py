"""The enabled plugin classes, found through entry points and registered with pluggy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from .contract import misuses
from .errors import ConfigError, Finding, told
from .forward import Forward
from .plugin import HOOKS, PROJECT, Plugin

ENTRY_POINT_GROUP = "phasegate.plugins"


@dataclass(frozen=True, slots=True)
class Implementation:
    """One class's method for one phase. `rank` is -1 for tryfirst, 1 for trylast, 0 otherwise."""

    function: Callable[..., Any]
    rank: int


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that some distribution offers, whether enabled or not."""

    name: str
    distribution: str
    version: str
    entry: EntryPoint


class Registry:
    """Plugin classes by name, and their phases as pluggy knows them. `forward` is always among them."""

    def __init__(self, classes: Iterable[type[Plugin]] = ()) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Plugin)
        self.classes: dict[str, type[Plugin]] = {}
        findings = [finding for cls in classes for finding in self._register(cls)]
        if findings:
            raise ConfigError(findings)
        self._manager.register(Forward, Forward.name)
        self._manager.check_pending()
        self._phases = {hook: dict(self._implementations(hook)) for hook in HOOKS}

    @classmethod
    def load(cls, names: Iterable[str], path: str = "plugins") -> Registry:
        """Return a registry of the installed plugins of these names; nothing else is imported.

        Raise ConfigError with every name that is not installed, can't be imported, or breaks the contract.
        """
        offered = installed()
        classes: list[type[Plugin]] = []
        findings: list[Finding] = []
        for index, name in enumerate(names):
            where = f"{path}[{index}]"
            try:
                classes.append(_import(name, offered, where))
            except ConfigError as error:
                findings.extend(error.findings)
        if findings:
            raise ConfigError(findings)
        return cls(classes)

    def get(self, name: str) -> type[Plugin] | None:
        """Return the enabled class of that name."""
        return self.classes.get(name)

    def implementation(self, cls: type[Plugin], hook: str) -> Implementation | None:
        """Return the class's method for a phase, None when it has none."""
        return self._phases[hook].get(cls)

    def phases(self, cls: type[Plugin]) -> tuple[str, ...]:
        """Return the phases that the class takes part in, in the order of a request."""
        return tuple(hook for hook in HOOKS if cls in self._phases[hook])

    def _register(self, cls: type[Plugin]) -> list[Finding]:
        findings = misuses(cls)
        if findings:
            return findings
        if cls.name in (*self.classes, Forward.name):
            return [Finding(cls.__qualname__, f"the name {cls.name!r} is taken by another plugin: choose another")]
        self._manager.register(cls, cls.name)
        self.classes[cls.name] = cls
        return []

    def _implementations(self, hook: str) -> Iterator[tuple[type[Plugin], Implementation]]:
        for found in getattr(self._manager.hook, hook).get_hookimpls():
            rank = -1 if found.tryfirst else 1 if found.trylast else 0
            yield found.plugin, Implementation(found.function, rank)


def installed() -> dict[str, list[Installed]]:
    """Return every plugin that installed distributions offer, by name; two of one name are both listed."""
    found: dict[str, list[Installed]] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        distribution = entry.dist
        name, version = (distribution.name, distribution.version) if distribution else ("", "")
        found.setdefault(entry.name, []).append(Installed(entry.name, name, version, entry))
    return found


def _import(name: str, offered: dict[str, list[Installed]], where: str) -> type[Plugin]:
    candidates = offered.get(name, [])
    if not candidates:
        close = get_close_matches(name, offered, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"installed: {', '.join(offered) or 'none'}"
        raise ConfigError([Finding(where, f"plugin {name!r} is not installed; {hint}")])
    if len(candidates) > 1:
        owners = ", ".join(candidate.distribution for candidate in candidates)
        raise ConfigError([Finding(where, f"plugin {name!r} comes from {owners}: uninstall all but one")])
    return _import_entry(candidates[0], where)


def _import_entry(candidate: Installed, where: str) -> type[Plugin]:
    try:
        cls: type[Plugin] = candidate.entry.load()
    except Exception as error:
        message = f"plugin {candidate.name!r} of {candidate.distribution} can't be imported: {told(error)}"
        if isinstance(error, ValueError) and "mutable default" in str(error):
            message += "; what belongs to the class and not to its configuration is annotated with ClassVar"
        raise ConfigError([Finding(where, message)]) from error
    findings = [finding.under(where) for finding in misuses(cls)]
    if not findings and cls.name != candidate.name:
        findings = [
            Finding(
                where,
                f"entry point {candidate.name!r} holds a plugin that calls itself {cls.name!r}: give both one name",
            )
        ]
    if findings:
        raise ConfigError(findings)
    return cls
