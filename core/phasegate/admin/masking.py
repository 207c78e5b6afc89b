"""What each reader may see of a resource, and what a mask that a writer sends back stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..environment import FromEnvironment
from ..errors import Finding
from ..schema.tables import Schemas
from ..sealing import SecretFields, masked, unmasked
from ..sealing.places import texts
from ..sealing.seal import is_sealed
from ..settings import AdminKey
from ..store.records import Key, Value
from .catalogue import Entry

_UNREADABLE = {"ssls": ("key", "keys")}


class Masking:
    """Hides the secrets of resources, and puts stored ones in the place of their masks.

    `keys` are those of the Admin API: the workers of a node have them in common, and viewers don't know those of admins.
    """

    def __init__(self, schemas: Schemas, keys: Sequence[AdminKey] = ()) -> None:
        self._secrets = SecretFields(schemas)
        self._tag_key = _tag_key(keys)

    def etag(self, entry: Entry) -> str:
        """Return the strong entity tag (RFC 9110 section 8.8.3): the revision that changed it, for the file's own its content.

        The digest is keyed, so that nobody can try guesses of what is masked; without a key it leaves out what is.
        """
        if not entry.file:
            return f'"{entry.modified}"'
        told = entry.value if self._tag_key else self.masked(entry.key, entry.value)
        content = orjson.dumps([*entry.key, dict(told)], option=orjson.OPT_SORT_KEYS)
        return f'"file-{hashlib.blake2b(content, digest_size=8, key=self._tag_key).hexdigest()}"'

    def masked(self, key: Key, value: Value) -> Value:
        """Return the value with a mask for every secret, for all that is sealed, and all that the environment filled in."""
        return self.covered(key, self.readable(key, value))

    def covered(self, key: Key, value: Value) -> Value:
        """Return the value with a mask also for what nobody may read, so that it can be sent back as it is."""
        filled_in = [place for place, _ in texts(value, _is_hidden)]
        return masked(value, [*self._secrets(key, value), *filled_in])

    @staticmethod
    def readable(key: Key, value: Value) -> Value:
        """Return the value without what nobody may read: the private keys of certificates."""
        hidden = _UNREADABLE.get(key[0], ())
        return {name: item for name, item in value.items() if name not in hidden} if hidden else value

    def unmasked(
        self, key: Key, value: Mapping[str, Any], stored: Value | None
    ) -> tuple[Mapping[str, Any], list[Finding]]:
        """Return the value with what is stored in the place of each mask, and a finding for each that stands for nothing."""
        return unmasked(value, stored, self._secrets(key, value))


def _is_hidden(text: str) -> bool:
    return isinstance(text, FromEnvironment) or is_sealed(text)


def _tag_key(keys: Sequence[AdminKey]) -> bytes:
    """Return what entity tags are keyed with, made of what admins alone know; nothing where there is no admin."""
    known = [key.key.value for key in keys if key.role == "admin"]
    return hashlib.blake2b(orjson.dumps(known), digest_size=32, person=b"entity tags").digest() if known else b""
