"""The certificates of a snapshot by the names that clients ask for, and who must show one of its own."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ..errors import Finding
from ..http.client_rule import ClientRule
from .material import Material, digest_of, material_of

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
        self.entries = tuple(entries)
        self._by_id = {entry.id: entry for entry in self.entries}
        self._exact: dict[str, Certificate] = {}
        self._wildcard: dict[str, Certificate] = {}
        for entry in self.entries:
            for name in entry.names:
                table, key = (self._wildcard, name[1:]) if name.startswith("*.") else (self._exact, name)
                table.setdefault(key, entry)
        self._asks_clients = any(entry.rule is not None for entry in self.entries)

    def __bool__(self) -> bool:
        return bool(self._by_id)

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
        if not self._asks_clients:
            return None
        entry = self.find(host)
        return entry.rule if entry is not None else None

    def material(self, id_: str, digest: bytes) -> Material | None:
        """Return the material of an entry, where it was made of the same text."""
        entry = self._by_id.get(id_)
        return entry.material if entry is not None and entry.material.digest == digest else None


class Resource(Protocol):
    """An entry of `ssls` as its schema has judged it."""

    id: str
    path: str
    value: dict[str, Any]


@dataclass(slots=True)
class JudgedCertificates:
    """What a document's `ssls` hold; entries that are off are judged, and not among them."""

    entries: list[Certificate] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    @classmethod
    def of(cls, items: Sequence[Resource], former: Certificates, *, native: bool) -> JudgedCertificates:
        """Judge entries; the material of those that did not change is taken from the former snapshot.

        `native` says whether the gateway's own listener serves, which alone can choose among them.
        """
        judged = cls()
        if items and not native:
            judged.findings.append(
                Finding("ssls", "needs server.protocol: native, and no other server around the gateway")
            )
        for item in items:
            judged._add(item, former)
        judged.findings += clashes(judged.entries)
        return judged

    def _add(self, item: Resource, former: Certificates) -> None:
        entry, findings = certificate_of(item.id, item.path, item.value, former)
        self.findings += findings
        if entry is not None and item.value["status"]:
            self.entries.append(entry)
            self.warnings += doubts(entry, datetime.now(UTC))


def certificate_of(
    id_: str, path: str, value: Mapping[str, Any], former: Certificates
) -> tuple[Certificate | None, list[Finding]]:
    """Return one entry, and what is wrong with it."""
    names, findings = _names(value)
    material = former.material(id_, digest_of(value))
    if material is None:
        material, more = material_of(value)
        findings += more
    if material is None or findings:
        return None, [finding.under(path) for finding in findings]
    return Certificate(id_, path, names, material), []


def clashes(entries: Iterable[Certificate]) -> Iterator[Finding]:
    """Yield an error for each name that two entries are for."""
    holders: dict[str, str] = {}
    for entry in entries:
        for name in entry.names:
            other = holders.setdefault(name, entry.id)
            if other != entry.id:
                yield Finding(f"{entry.path}.snis", f"{name} is a name of ssls/{other} too: leave it to one of them")


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
