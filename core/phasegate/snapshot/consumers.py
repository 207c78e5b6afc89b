"""Consumers found by their credentials, in time that their number does not change."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

from ..model import Consumer, Credential
from ..plugin import Outcome

Found = tuple[Consumer, Credential]


class ConsumerIndex:
    """Finds a consumer by the key of one of its credentials.

    Keys are held as keyed digests, so that looking one up takes no time that depends on how much of it was guessed. The
    plugin's name goes into them: what two plugins take for a key are two.
    """

    def __init__(self, consumers: Iterable[Consumer] = (), key_fields: Mapping[str, str] | None = None) -> None:
        self._fields = key_fields or {}
        self._keyed = _keyed(self._fields)
        self._found: dict[bytes, Outcome] = {}
        self._named: dict[str, Consumer] = {}
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
        for digest, credential in self._digests(consumer):
            self._found[digest] = Outcome.ok(consumer, credential)

    def remove(self, consumer: Consumer) -> None:
        """Let a consumer be found no more."""
        self._named.pop(consumer.username, None)
        for digest, _ in self._digests(consumer):
            self._found.pop(digest, None)

    def find(self, plugin: str, key: str) -> Found | None:
        """Return the consumer whose credential for the plugin has this key, None when there is none."""
        caller = self.caller(plugin, key)
        return cast("Found | None", caller and caller[:2])

    def caller(self, plugin: str, key: str) -> Outcome | None:
        """Return that the credential of that key holds, whose key is all there is to show; None when there is none."""
        try:
            keyed = self._keyed[plugin].copy()
        except KeyError:
            return None
        keyed.update(key.encode())
        return self._found.get(keyed.digest())

    def named(self, username: str) -> Consumer | None:
        """Return the consumer of that name, None where there is none."""
        return self._named.get(username)

    def _digests(self, consumer: Consumer) -> Iterator[tuple[bytes, Credential]]:
        for credential in consumer.credentials:
            field = self._fields.get(credential.plugin)
            if field is not None:
                keyed = self._keyed[credential.plugin].copy()
                keyed.update(str(credential.config[field]).encode())
                yield keyed.digest(), credential


def _keyed(plugins: Iterable[str]) -> dict[str, hashlib.blake2b]:
    """Return what each plugin's digests begin with.

    Nobody can go on from a digest of BLAKE2 (RFC 7693), so a secret before the text keys it as well as its own mode for keys
    does, and leaves all of it in one block: half the time.
    """
    secret = secrets.token_bytes(32)
    return {plugin: hashlib.blake2b(secret + plugin.encode() + b"\0", digest_size=16) for plugin in plugins}


class LiveConsumers:
    """The directory that plugins hold: it always looks into the current snapshot's index, whose methods are its own."""

    find: Callable[[str, str], Found | None]
    """Return the consumer whose credential for the plugin has this key, None when there is none."""
    caller: Callable[[str, str], Outcome | None]
    """Return that the credential of that key holds, whose key is all there is to show; None when there is none."""
    named: Callable[[str], Consumer | None]
    """Return the consumer of that name, None where there is none."""

    def __init__(self) -> None:
        self.index = ConsumerIndex()

    @property
    def index(self) -> ConsumerIndex:
        """Where consumers are looked up."""
        return self._index

    @index.setter
    def index(self, index: ConsumerIndex) -> None:
        self._index = index
        self.find, self.caller, self.named = index.find, index.caller, index.named
