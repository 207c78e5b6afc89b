"""Consumers found by their credentials, in time that their number does not change."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping

from ..model import Consumer, Credential

Found = tuple[Consumer, Credential]


class ConsumerIndex:
    """Finds a consumer by the key of one of its credentials.

    Keys are held as keyed digests, so that looking one up takes no time that depends on how much of it was guessed.
    """

    def __init__(self, consumers: Iterable[Consumer] = (), key_fields: Mapping[str, str] | None = None) -> None:
        self._keyed = hashlib.blake2b(digest_size=16, key=secrets.token_bytes(32))
        self._found: dict[tuple[str, bytes], Found] = {}
        self._named: dict[str, Consumer] = {}
        self._fields = key_fields or {}
        for consumer in consumers:
            self.add(consumer)

    def fork(self) -> ConsumerIndex:
        """Return an index of the same consumers that can be changed without this one's notice."""
        index = ConsumerIndex(key_fields=self._fields)
        index._keyed, index._found, index._named = self._keyed, dict(self._found), dict(self._named)
        return index

    def add(self, consumer: Consumer) -> None:
        """Let a consumer be found."""
        self._named[consumer.username] = consumer
        for name, credential in self._names(consumer):
            self._found[name] = (consumer, credential)

    def remove(self, consumer: Consumer) -> None:
        """Let a consumer be found no more."""
        self._named.pop(consumer.username, None)
        for name, _ in self._names(consumer):
            self._found.pop(name, None)

    def find(self, plugin: str, key: str) -> Found | None:
        """Return the consumer whose credential for the plugin has this key, None when there is none."""
        return self._found.get((plugin, self._digest(key)))

    def named(self, username: str) -> Consumer | None:
        """Return the consumer of that name, None where there is none."""
        return self._named.get(username)

    def _names(self, consumer: Consumer) -> Iterator[tuple[tuple[str, bytes], Credential]]:
        for credential in consumer.credentials:
            field = self._fields.get(credential.plugin)
            if field is not None:
                yield (credential.plugin, self._digest(str(credential.config[field]))), credential

    def _digest(self, key: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(key.encode())
        return keyed.digest()


class LiveConsumers:
    """The directory that plugins hold: it always looks into the current snapshot's index."""

    def __init__(self) -> None:
        self.index = ConsumerIndex()

    def find(self, plugin: str, key: str) -> Found | None:
        """Return the consumer whose credential for the plugin has this key, None when there is none."""
        return self.index.find(plugin, key)

    def named(self, username: str) -> Consumer | None:
        """Return the consumer of that name, None where there is none."""
        return self.index.named(username)
