"""The certificates of a snapshot by the names that clients ask for, and who must show one of its own."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import Finding, Misdirected
from ..http.client_rule import ClientRule
from ..http.message import Request
from .material import Material, digest_of, material_of
from .resource import Notes, Resource
from .stage import Stage

_WARNED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One entry of `ssls`: the names that it is for, and what connections to them are served with."""

    id: str
    path: str
    names: tuple[str, ...]
    material: Material = field(repr=False)

    @property
    def context(self) -> ssl.SSLContext:
        """What connections are made with."""
        return self.material.context

    @property
    def rule(self) -> ClientRule | None:
        """What clients have to prove, None for nothing."""
        return self.material.rule


class Certificates:
    """Finds the entry for a name: an exact one, then the longest wildcard, at any depth below, as with a route's hosts."""

    def __init__(self, entries: Iterable[Certificate] = ()) -> None:
        self._exact: dict[str, Certificate] = {}
        self._wildcard: dict[str, Certificate] = {}
        self.asks_clients = False
        """Whether any name has a rule for clients."""
        for entry in entries:
            self.asks_clients = self.asks_clients or entry.rule is not None
            for name in entry.names:
                table, key = (self._wildcard, name[1:]) if name.startswith("*.") else (self._exact, name)
                table.setdefault(key, entry)

    def __bool__(self) -> bool:
        return bool(self._exact or self._wildcard)

    def find(self, name: str) -> Certificate | None:
        """Return the entry for a name in lower case, None where the listener's own certificate holds."""
        if name in self._exact:
            return self._exact[name]
        if self._wildcard:
            dot = name.find(".")
            while dot != -1:
                if name[dot:] in self._wildcard:
                    return self._wildcard[name[dot:]]
                dot = name.find(".", dot + 1)
        return None

    def rule_for(self, host: str) -> ClientRule | None:
        """Return what a connection must have been judged by for a request to that host to be answered."""
        if not self.asks_clients:
            return None
        entry = self.find(host)
        return entry.rule if entry is not None else None

    def misdirected(self, request: Request) -> Misdirected | None:
        """Return why a request can't be answered on its connection: that was not judged by the rule of its host."""
        rule = self.rule_for(request.host)
        if rule is None or rule == request.client_rule:
            return None
        return Misdirected(f"{request.host} is for clients with certificates that this connection was not asked for")


def certificate_of(item: Resource, former: Certificate | None, notes: Notes) -> Certificate | None:
    """Return an entry, None for one that is off, and note what is wrong with it.

    What the same text was made into for the former one is not made again.
    """
    names, findings = _names(item.value)
    material = former.material if former is not None and former.material.digest == digest_of(item.value) else None
    if material is None:
        material, more = material_of(item.value)
        findings += more
    notes.errors += [finding.under(item.path) for finding in findings]
    if material is None or findings or not item.value["status"]:
        return None
    return Certificate(item.id, item.path, names, material)


def served(stage: Stage[Certificate | None]) -> list[Certificate]:
    """Return the entries that are on, in their order."""
    items = sorted(stage.resources.values(), key=lambda item: item.age)
    return [entry for item in items if (entry := stage.values.get(item.id)) is not None]


def note_shared_names(stage: Stage[Certificate | None], notes: Notes, *, native: bool) -> None:
    """Note each name that two entries are for, and entries at all where no listener of our own could choose among them."""
    if stage.resources and not native:
        notes.error("ssls", "needs server.protocol: native, and no other server around the gateway")
    holders: dict[str, str] = {}
    for entry in served(stage):
        for name in entry.names:
            other = holders.setdefault(name, entry.id)
            if other != entry.id:
                notes.error(f"{entry.path}.snis", f"{name} is a name of ssls/{other} too: leave it to one of them")


def doubts_of(stage: Stage[Certificate | None]) -> Iterator[Finding]:
    """Yield a warning for everything that clients will not like about the entries by now."""
    now = datetime.now(UTC)
    for entry in served(stage):
        yield from doubts(entry, now)


def doubts(entry: Certificate, now: datetime) -> Iterator[Finding]:
    """Yield a warning for what clients will not like about an entry: names not covered, an end that is near or past."""
    for facts in entry.material.facts:
        path = f"{entry.path}.{facts.path}"
        day = f"{facts.expires:%Y-%m-%d}"
        if facts.expires <= now:
            yield Finding(path, f"has expired on {day}, and clients refuse it: replace it", "warning")
        elif facts.expires - now < _WARNED_BEFORE:
            yield Finding(path, f"expires on {day}: replace it before", "warning")
        for name in entry.names:
            if not facts.covers(name):
                yield Finding(path, f"does not cover {name}, and clients refuse it there", "warning")


def _names(value: Mapping[str, Any]) -> tuple[tuple[str, ...], list[Finding]]:
    names = (value["sni"],) if "sni" in value else value.get("snis", ())
    findings = []
    if "sni" in value and "snis" in value:
        findings.append(Finding("sni", "stands beside snis: give one of them"))
    if not names:
        findings.append(Finding("snis", "is required (or sni)"))
    return tuple(dict.fromkeys(name.lower() for name in names)), findings
