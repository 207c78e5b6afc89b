"""Resources of kinds that a file has no lists of, judged as the records that they would become."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import Finding
from ..schema.resources import STORED_KINDS
from ..store.records import Record

_RECORD = re.compile(rf"({'|'.join(STORED_KINDS)})/(\d+)/")


class Unfiled:
    """The records out of a document's lists; each has its index for its owner, whom nobody looks up."""

    def __init__(self, document: Mapping[str, Sequence[Any]]) -> None:
        self._document = document
        self.records = {record.key: record for record in self._made()}
        self.findings = [
            Finding(f"{kind}[{index}]", "must be an object")
            for kind, index, item in self._items()
            if not isinstance(item, Mapping)
        ]

    def listed(self, finding: Finding) -> Finding:
        """Return a finding with its place in the lists, if it is about one of the records."""
        match = _RECORD.match(finding.path)
        if match is None:
            return finding
        kind, index = match[1], int(match[2])
        inner = finding.path[match.end() + len(str(self._document[kind][index]["id"])) :]
        return Finding(f"{kind}[{index}]{inner}", finding.message)

    def _made(self) -> Iterator[Record]:
        for kind, index, item in self._items():
            if isinstance(item, Mapping):
                yield Record(kind, f"{index}/{item['id']}", item, 0, 0)

    def _items(self) -> Iterator[tuple[str, int, Any]]:
        for kind in STORED_KINDS:
            for index, item in enumerate(self._document.get(kind, ())):
                yield kind, index, item
