"""From consumers, their credentials and their groups to the model: who calls, known by which keys, with which plugins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..environment import shown
from ..model import Consumer, Credential, PluginEntry
from .entries import Entries, merged
from .inventory import Inventory
from .resource import Notes, Resource
from .slices import Steps
from .stage import Stage
from .targets import References

_BETWEEN_STEPS = 500


@dataclass(frozen=True, slots=True)
class ConsumerMaker:
    """Makes consumers out of resources, their credentials and what their groups give them."""

    groups: Mapping[str, tuple[PluginEntry, ...]]
    credentials: Mapping[str, list[Credential]]
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
            (*filter(None, own), *self.credentials.get(item.id, ())),
            merged(group, self.entries.of(chain, item.owner, item.path)),
            item.value["labels"],
            item.value.get("group_id"),
        )


def credential_of(item: Resource, entries: Entries, notes: Notes) -> Credential | None:
    """Return the credential that a resource describes; None for one that is refused or turned off."""
    plugins = item.value["plugins"]
    if len(plugins) != 1:
        notes.error(f"{item.path}.plugins", f"must hold one auth plugin (got {len(plugins)})")
    for name, config in plugins.items():
        if not entries.is_credential(name):
            notes.error(f"{item.path}.plugins.{name}", "is no auth plugin: a credential is an auth plugin's")
        elif len(plugins) == 1:
            return entries.credential(name, config, item.id, item.path)
    return None


def by_consumer(credentials: Stage[Credential | None]) -> dict[str, list[Credential]]:
    """Return each consumer's credentials, the older ones first."""
    found: dict[str, list[tuple[tuple[bool, int, str], Credential]]] = defaultdict(list)
    for id_, credential in credentials.values.items():
        if credential is not None:
            found[owner_of(id_)].append((credentials.resources[id_].age, credential))
    return {
        owner: [credential for _, credential in sorted(its, key=lambda pair: pair[0])] for owner, its in found.items()
    }


def owner_of(credential_id: str) -> str:
    """Return the username in a credential's id."""
    return credential_id.partition("/")[0]


def note_orphans(credentials: Iterable[Resource], inventory: Inventory, notes: Notes) -> None:
    """Note the credentials of consumers that do not exist."""
    consumers = inventory.kinds["consumers"]
    for item in credentials:
        owner = owner_of(item.id)
        if owner not in consumers and ("consumers", owner) not in inventory.missing:
            notes.error(item.path, f"there is no consumer {shown(owner)}: a credential belongs to one")


def noting_clashes(
    consumers: Stage[Consumer], credentials: Stage[Credential | None], keys: Mapping[str, str], notes: Notes
) -> Steps[None]:
    """Note, in steps, where one key would name two consumers; `keys` has the field of each auth plugin that names one."""
    holders: dict[tuple[str, object], str] = {}
    clashes: set[tuple[str, object]] = set()
    for index, consumer in enumerate(consumers.values.values()):
        for claim, _ in _claims(consumer, keys):
            if holders.setdefault(claim, consumer.username) != consumer.username:
                clashes.add(claim)
        if index % _BETWEEN_STEPS == 0:
            yield
    if not clashes:
        return
    first: dict[tuple[str, object], str] = {}
    for item in sorted(consumers.resources.values(), key=lambda item: item.age):
        for claim, credential in _claims(consumers.values[item.id], keys):
            other = first.setdefault(claim, item.id)
            if other != item.id:
                path = (
                    item.path
                    if credentials.values.get(credential.id) is not credential
                    else f"credentials/{credential.id}"
                )
                where = f"{path}.plugins.{credential.plugin}.{keys[credential.plugin]}"
                notes.error(where, f"is the key of consumer {other!r} too: give each its own")


def _claims(consumer: Consumer, keys: Mapping[str, str]) -> Iterator[tuple[tuple[str, object], Credential]]:
    for credential in consumer.credentials:
        field = keys.get(credential.plugin)
        if field is not None and field in credential.config:
            yield (credential.plugin, credential.config[field]), credential
