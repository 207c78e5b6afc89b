"""The references in a configuration and their values; a resource that did not change is not searched again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..references import References, Use, used
from ..snapshot.slices import Slices
from ..store.records import Key, Record


class ReferenceTable:
    """Finds the references that documents and records hold, and asks for their values."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._document: Mapping[str, Any] = {}
        self._in_document: list[Use] = []
        self._records: Mapping[Key, Record] = {}
        self._in_records: dict[Key, list[Use]] = {}

    async def table(self, document: Mapping[str, Any], records: Mapping[Key, Record]) -> dict[str, str]:
        """Return the values of all references by their text. Raise ConfigError with each that has none."""
        if document is not self._document:
            self._document, self._in_document = document, used(document)
        await self._search(records)
        uses = [*self._in_document, *(use for found in self._in_records.values() for use in found)]
        if not uses:
            return {}
        table, findings = await self._references.table(uses, _managers(document, records))
        if findings:
            raise ConfigError(findings)
        return table

    async def close(self) -> None:
        """Give up what is under way."""
        await self._references.close()

    async def _search(self, records: Mapping[Key, Record]) -> None:
        """Search what is another record than it was; of those without references nothing is kept."""
        former, self._records = self._records, records
        for key in [key for key in self._in_records if records.get(key) is not former.get(key)]:
            del self._in_records[key]
        slices = Slices()
        for key, record in records.items():
            if former.get(key) is not record:
                if found := used(record.value, f"{record.kind}/{record.id}"):
                    self._in_records[key] = found
                await slices.rest()


def _managers(document: Mapping[str, Any], records: Mapping[Key, Record]) -> dict[str, Mapping[str, Any]]:
    """Return the `secrets` resources by their ids, such as `vault/1`."""
    listed = document.get("secrets")
    filed = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    managers: dict[str, Mapping[str, Any]] = {str(item.get("id")): item for item in filed}
    managers.update((record.id, record.value) for record in records.values() if record.kind == "secrets")
    return managers
