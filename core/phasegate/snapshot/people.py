"""From consumers, their credentials and their groups to the model: who calls, known by which keys, with which plugins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..environment import shown
from ..model import Consumer, Credential, PluginEntry
from .entries import Entries, merged
from .inventory import Inventory
from .resource import Notes, Resource
from .slices import Steps
from .stage import Stage
from .targets import References

Claim = tuple[str, object]
"""An auth plugin's name, and a key that names a consumer there."""

Claims = Mapping[Claim, str]

# One for all: what is not touched at a request needs not be fetched from memory, where there are many consumers.
_NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ConsumerMaker:
    """Makes consumers out of resources, their credentials and what their groups give them."""

    groups: Mapping[str, tuple[PluginEntry, ...]]
    credentials: Stage[Credential | None]
    owned: Mapping[str, AbstractSet[str]]
    entries: Entries
    references: References

    def consumer(self, item: Resource) -> Consumer:
        """Return the consumer that a resource describes, with its mistakes noted."""
        plugins = item.value["plugins"]
        own = [
            self.entries.credential(name, config, f"{item.id}/{name}", item.path)
            for name, config in plugins.items()
            if self.entries.is_credential(name)
        ]
        chain = {name: config for name, config in plugins.items() if not self.entries.is_credential(name)}
        group = self.references.follow(item, "group_id", self.groups) or ()
        return Consumer(
            item.id,
            (*filter(None, own), *self._written(item.id)),
            merged(group, self.entries.of_callers(chain, item.owner, item.path)),
            item.value["labels"] or _NO_LABELS,
            item.value.get("group_id"),
        )

    def _written(self, username: str) -> Iterator[Credential]:
        """Yield the credentials of a consumer that are resources of their own, the older ones first."""
        resources, values = self.credentials.resources, self.credentials.values
        for id_ in sorted(self.owned.get(username, ()), key=lambda id_: resources[id_].age):
            credential = values[id_]
            if credential is not None:
                yield credential


def credential_of(item: Resource, entries: Entries, notes: Notes) -> Credential | None:
    """Return the credential that a resource describes; None for one that is refused or turned off."""
    plugins = item.value["plugins"]
    if len(plugins) != 1:
        notes.error(f"{item.path}.plugins", f"must hold one auth plugin (got {len(plugins)})")
    for name, config in plugins.items():
        if not entries.is_credential(name):
            notes.error(f"{item.path}.plugins.{name}", "is no auth plugin: a credential is an auth plugin's")
        elif len(plugins) == 1:
            identifier = item.id.partition("/")[2]
            return entries.credential(name, config, item.id, item.path, identifier=identifier)
    return None


def owning(
    former: Mapping[str, AbstractSet[str]], credentials: Stage[Credential | None]
) -> Steps[Mapping[str, AbstractSet[str]]]:
    """Return the ids of each consumer's credentials, brought on from what they were before a change."""
    if not credentials.changed:
        return former
    changed: dict[str, set[str]] = defaultdict(set)
    for id_ in credentials.changed:
        changed[owner_of(id_)].add(id_)
    yield
    owned = dict(former)
    for owner, ids in changed.items():
        left = (owned.pop(owner, frozenset()) - ids) | (ids & credentials.resources.keys())
        if left:
            owned[owner] = left
        yield
    return owned


def owner_of(credential_id: str) -> str:
    """Return the username in a credential's id."""
    return credential_id.partition("/")[0]


def note_orphans(
    owners: Iterable[str],
    owned: Mapping[str, AbstractSet[str]],
    credentials: Stage[Credential | None],
    inventory: Inventory,
    notes: Notes,
) -> None:
    """Note the credentials of those owners that are no consumers."""
    for owner in owners:
        if owner not in inventory.kinds["consumers"] and ("consumers", owner) not in inventory.missing:
            for id_ in owned.get(owner, ()):
                path = credentials.resources[id_].path
                notes.error(path, f"there is no consumer {shown(owner)}: a credential belongs to one")


def claiming(
    former: Claims, old: Mapping[str, Consumer], consumers: Stage[Consumer], keys: Mapping[str, str]
) -> Steps[tuple[Claims, AbstractSet[Claim]]]:
    """Return who holds which key, brought on from before a change, and the keys that two consumers would hold.

    `keys` has the field of each auth plugin that names a consumer.
    """
    if not consumers.changed:
        return former, frozenset()
    claims = dict(former)
    for id_ in consumers.changed & old.keys():
        for claim, _ in _claims(old[id_], keys):
            claims.pop(claim, None)
        yield
    clashes: set[Claim] = set()
    for id_ in consumers.changed & consumers.values.keys():
        clashes |= {claim for claim, _ in _claims(consumers.values[id_], keys) if claims.setdefault(claim, id_) != id_}
        yield
    return claims, clashes


def note_clashes(
    clashes: AbstractSet[Claim],
    consumers: Stage[Consumer],
    credentials: Stage[Credential | None],
    keys: Mapping[str, str],
    notes: Notes,
) -> None:
    """Note the keys that two consumers would hold, at the younger one."""
    first: dict[Claim, str] = {}
    for item in sorted(consumers.resources.values(), key=lambda item: item.age) if clashes else ():
        for claim, credential in _claims(consumers.values[item.id], keys):
            other = first.setdefault(claim, item.id)
            if other != item.id:
                written = credentials.values.get(credential.id) is credential
                path = f"credentials/{credential.id}" if written else item.path
                where = f"{path}.plugins.{credential.plugin}.{keys[credential.plugin]}"
                notes.error(where, f"is the key of consumer {other!r} too: give each its own")


def _claims(consumer: Consumer, keys: Mapping[str, str]) -> Iterator[tuple[Claim, Credential]]:
    for credential in consumer.credentials:
        field = keys.get(credential.plugin)
        if field is not None and field in credential.config:
            yield (credential.plugin, credential.config[field]), credential
