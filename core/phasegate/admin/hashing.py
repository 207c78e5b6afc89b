"""Passwords that are sent in the clear, hashed before they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from ..passwords import check_password, hash_password, is_password, looks_hashed
from ..references import is_reference
from ..schema.tables import Schemas
from ..sealing.places import MISSING, Place, at, with_value
from ..store.records import Value

_KINDS = ("consumers", "credentials")


class Hashing:
    """Knows which fields of credentials are passwords: those that a plugin's `consumer_schema` gives that format."""

    def __init__(self, schemas: Schemas) -> None:
        classes = schemas.registry.classes.items()
        self._fields = {
            name: [key for key, rules in (cls.consumer_schema or {}).items() if rules.get("format") == "password"]
            for name, cls in classes
        }

    async def hashed(self, kind: str, value: Value, before: Value | None) -> Value:
        """Return the value with a hash in the place of each password: the one that is stored where it holds, or a new one."""
        for place in self._passwords(value) if kind in _KINDS else ():
            sent = at(value, place)
            if _is_plain(sent):
                stored = MISSING if before is None else at(before, place)
                value = with_value(value, place, await asyncio.to_thread(_kept, stored, sent))
        return value

    def _passwords(self, value: Mapping[str, Any]) -> Iterator[Place]:
        plugins = value.get("plugins")
        for name, config in plugins.items() if isinstance(plugins, Mapping) else ():
            if isinstance(config, Mapping):
                yield from (("plugins", name, key) for key in self._fields.get(name, ()) if key in config)


def _is_plain(text: object) -> bool:
    return isinstance(text, str) and is_password(text) and not looks_hashed(text) and not is_reference(text)


def _kept(stored: object, sent: str) -> str:
    if isinstance(stored, str) and looks_hashed(stored) and is_password(stored) and check_password(stored, sent):
        return stored
    return hash_password(sent)
