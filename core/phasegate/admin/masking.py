"""What each reader may see of a resource, and what a mask that a writer sends back stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..environment import FromEnvironment
from ..errors import Finding
from ..schema.tables import Schemas
from ..sealing import SecretFields, masked, unmasked
from ..sealing.places import texts
from ..store.records import Key, Value

_UNREADABLE = {"ssls": ("key", "keys")}


class Masking:
    """Hides the secrets of resources, and puts stored ones in the place of their masks."""

    def __init__(self, schemas: Schemas) -> None:
        self._secrets = SecretFields(schemas)

    def masked(self, key: Key, value: Value) -> Value:
        """Return the value with a mask for every secret and for all that the environment filled in."""
        return self.covered(key, self.readable(key, value))

    def covered(self, key: Key, value: Value) -> Value:
        """Return the value with a mask also for what nobody may read, so that it can be sent back as it is."""
        filled_in = [place for place, _ in texts(value, lambda text: isinstance(text, FromEnvironment))]
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
