"""Consumers found by their credentials, in time that their number does not change."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping

from ..model import Consumer, Credential

Found = tuple[Consumer, Credential]


class ConsumerIndex:
    """Finds a consumer by the key of one of its credentials.

    Keys are held as keyed digests, so that looking one up takes no time that depends on how much of it was guessed.
    """

    def __init__(self, consumers: Iterable[Consumer] = (), key_fields: Mapping[str, str] | None = None) -> None:
        self._seed = secrets.token_bytes(32)
        self._found: dict[tuple[str, bytes], Found] = {}
        fields = key_fields or {}
        for consumer in consumers:
            for credential in consumer.credentials:
                field = fields.get(credential.plugin)
                if field is not None:
                    key = str(credential.config[field])
                    self._found[credential.plugin, self._digest(key)] = (consumer, credential)

    def find(self, plugin: str, key: str) -> Found | None:
        """Return the consumer whose credential for the plugin has this key, None when there is none."""
        return self._found.get((plugin, self._digest(key)))

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode(), digest_size=16, key=self._seed).digest()


class LiveConsumers:
    """The directory that plugins hold: it always looks into the current snapshot's index."""

    def __init__(self) -> None:
        self.index = ConsumerIndex()

    def find(self, plugin: str, key: str) -> Found | None:
        """Return the consumer whose credential for the plugin has this key, None when there is none."""
        return self.index.find(plugin, key)
