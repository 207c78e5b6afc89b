"""The key ring of a store when a node starts: read, compared with what the store was used with, or made for a new one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import StartupError
from ..store.records import Contents, Record, Store, StoreUnavailable
from .keyring import KeyRing, key_of
from .seal import sealed_texts

_COPY = "copy that file from another node of the store, or from a backup"
_FORGET = (
    "; where nobody has it any more, `phasegate keyring forget` lets the store, which holds no secret yet, take another"
)


async def open_ring(path: Path, store: Store) -> KeyRing:
    """Return the key ring in the file; `store` is the one that holds sealed values, not the one around it.

    The store notes the ring's key ids, so that a node with another ring is told before there is a secret that it can't
    read. A missing file is made for a store that no ring was used with. A store that can't be reached is not waited for
    where there is a ring. Raise StartupError, StoreUnavailable.
    """
    ring = _existing(path)
    try:
        while True:
            known = await store.key_ids()
            await _judge(path, ring, known, store)
            ring = ring or KeyRing.make(path)
            ids = known.union(ring.ids)
            if ids == known or await store.note_key_ids(ids, known=known):
                return ring
    except StoreUnavailable:
        if ring is None:
            raise
        return ring


def ring_of(path: Path, contents: Contents) -> KeyRing:
    """Return the key ring in the file, for contents in which something is sealed. Raise StartupError."""
    ring = _existing(path)
    if ring is None:
        raise _missing(path, _ids(contents.records.values()))
    return ring


async def forget_ring(store: Store) -> None:
    """Let the store take another key ring. Raise StartupError where something in it is sealed, StoreUnavailable."""
    sealed = await _ids_in(store)
    if sealed:
        raise StartupError(f"the store's secrets are sealed with key {_named(sealed)}: {_COPY}")
    while not await store.note_key_ids(frozenset(), known=await store.key_ids()):
        pass


async def _judge(path: Path, ring: KeyRing | None, known: frozenset[str], store: Store) -> None:
    """Raise StartupError where the store was used with keys, and the ring has none of them."""
    ids = frozenset(ring.ids if ring else ())
    if known & ids:
        return
    sealed = await _ids_in(store)
    if sealed & ids or not (known | sealed):
        return
    if ring is None and sealed:
        raise _missing(path, sealed)
    has = f"there is no key ring {path}" if ring is None else f"{path} has {_named(ids)} instead"
    raise StartupError(
        f"the store is used with key {_named(known | sealed)}, and {has}: {_COPY}{'' if sealed else _FORGET}"
    )


async def _ids_in(store: Store) -> frozenset[str]:
    """Return the ids of the keys that anything in the store is sealed with, its history included."""
    contents = await store.load()
    records: list[Record | None] = list(contents.records.values())
    before: int | None = None
    while page := await store.revisions(before=before):
        records += [
            record for revision in page for change in revision.changes for record in (change.before, change.after)
        ]
        before = page[-1].number
    return _ids(record for record in records if record is not None)


def _ids(records: Iterable[Record]) -> frozenset[str]:
    return frozenset(key_of(text) for record in records for text in sealed_texts(record.value))


def _existing(path: Path) -> KeyRing | None:
    return KeyRing(path) if os.path.lexists(path) else None


def _missing(path: Path, sealed: frozenset[str]) -> StartupError:
    return StartupError(
        f"the store's secrets are sealed with key {_named(sealed)}, and there is no key ring {path}: {_COPY}"
    )


def _named(ids: frozenset[str]) -> str:
    return " and ".join(sorted(ids))
