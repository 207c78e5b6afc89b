"""The key ring of a store when a node starts: read, or made for a store that holds nothing sealed."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import StartupError
from ..store.records import Record, Store
from .keyring import KeyRing, key_of
from .seal import sealed_texts


async def open_ring(path: Path, store: Store) -> KeyRing:
    """Return the key ring in the file; `store` is the one that holds sealed values, not the one around it.

    A missing file is made, unless the store, its history included, holds something sealed: then another ring would leave
    nodes that can't read each other's secrets. Raise StartupError, StoreUnavailable.
    """
    ring = _kept(path)
    if ring is not None:
        return ring
    ids = await _ids_in(store)
    if ids:
        raise StartupError(
            f"the store's secrets are sealed with key {' and '.join(sorted(ids))}, and there is no key ring {path}: "
            "copy that file from another node of the store, or from a backup"
        )
    return KeyRing.make(path)


def _kept(path: Path) -> KeyRing | None:
    return KeyRing(path) if os.path.lexists(path) else None


async def _ids_in(store: Store) -> set[str]:
    contents = await store.load()
    records: list[Record | None] = list(contents.records.values())
    before: int | None = None
    while page := await store.revisions(before=before):
        records += [
            record for revision in page for change in revision.changes for record in (change.before, change.after)
        ]
        before = page[-1].number
    return {key_of(text) for record in records if record is not None for text in sealed_texts(record.value)}
