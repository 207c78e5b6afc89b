"""The references in a configuration and their values; a resource that did not change is not searched again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..references import References, Use, used
from ..store.records import Key, Record

_Searched = tuple[Record, list[Use]]


class ReferenceTable:
    """Finds the references that documents and records hold, and asks for their values."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._document: Mapping[str, Any] = {}
        self._in_document: list[Use] = []
        self._in_records: dict[Key, _Searched] = {}

    async def table(self, document: Mapping[str, Any], records: Mapping[Key, Record]) -> dict[str, str]:
        """Return the values of all references by their text. Raise ConfigError with each that has none."""
        if document is not self._document:
            self._document, self._in_document = document, used(document)
        self._in_records = {key: self._searched(record) for key, record in records.items()}
        uses = [*self._in_document, *(use for _, found in self._in_records.values() for use in found)]
        if not uses:
            return {}
        table, findings = await self._references.table(uses, _managers(document, records))
        if findings:
            raise ConfigError(findings)
        return table

    async def close(self) -> None:
        """Give up what is under way."""
        await self._references.close()

    def _searched(self, record: Record) -> _Searched:
        known = self._in_records.get(record.key)
        if known is not None and known[0] is record:
            return known
        return record, used(record.value, f"{record.kind}/{record.id}")


def _managers(document: Mapping[str, Any], records: Mapping[Key, Record]) -> dict[str, Mapping[str, Any]]:
    """Return the `secrets` resources by their ids, such as `vault/1`."""
    listed = document.get("secrets")
    filed = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    managers: dict[str, Mapping[str, Any]] = {str(item.get("id")): item for item in filed}
    managers.update((record.id, record.value) for record in records.values() if record.kind == "secrets")
    return managers
