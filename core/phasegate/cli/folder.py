"""What a configuration folder serves, its store included: read without serving it, and without making anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Finding, StartupError
from ..references.references import References
from ..schema.tables import Schemas
from ..sealing import KeyRing, ring_of
from ..sealing.seal import opened, sealed_texts
from ..server.node_store import NONE
from ..server.reference_table import ReferenceTable
from ..settings import Settings
from ..snapshot import Snapshot
from ..store.file import FileSource
from ..store.opening import open_store
from ..store.packing import unpack_contents
from ..store.records import Contents, Key, Record, StoreUnavailable

_NOTHING = Contents(0, {})
_SQLITE = "sqlite:"


@dataclass(frozen=True, slots=True)
class Judged:
    """A snapshot of file and store, the file's document, the store's contents, and what is to be said of the store."""

    snapshot: Snapshot = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    contents: Contents
    doubts: tuple[str, ...] = ()


async def judged(settings: Settings, schemas: Schemas) -> Judged:
    """Return what the folder serves. Raise ConfigError with every finding, each with its source, or StartupError."""
    contents, doubts = await _contents(settings)
    try:
        document = FileSource(settings.file, may_lack=settings.file_may_lack).load()
    except ConfigError as error:
        raise error.of(str(settings.file)) from error
    table = ReferenceTable(References(settings.reach))
    try:
        references = await table.table(document, contents.records)
        snapshot = Snapshot(document, schemas, records=contents.records, references=references)
    except ConfigError as error:
        raise ConfigError([_told(finding, settings.file) for finding in error.findings]) from error
    finally:
        await table.close()
    return Judged(snapshot, document, contents, doubts)


def source(finding: Finding, file: Path) -> str:
    """Return where a finding is: records have a slash in the first part of their path."""
    return "store" if "/" in re.split(r"[.\[]", finding.path, maxsplit=1)[0] else str(file)


def _told(finding: Finding, file: Path) -> Finding:
    where = source(finding, file)
    return Finding(f"{where}: {finding.path}" if finding.path else where, finding.message)


async def _contents(settings: Settings) -> tuple[Contents, tuple[str, ...]]:
    if settings.store == NONE or not _is_there(settings):
        return _NOTHING, ()
    store = open_store(settings.store, settings.path.parent)
    try:
        contents = await store.load()
        if not _is_sealed(contents):
            return contents, ()
        return _opened(contents, ring_of(settings.keyring, contents)), ()
    except StoreUnavailable as error:
        if settings.store.startswith(_SQLITE):
            raise StartupError(f"the store can't be used: {error}") from error
        return _last_good(settings, error)
    finally:
        await store.close()


def _is_there(settings: Settings) -> bool:
    """Tell whether there is something to read; a SQLite file would be made by looking."""
    if not settings.store.startswith(_SQLITE):
        return True
    path = settings.path.parent / settings.store.removeprefix(_SQLITE)
    return path.is_file() and path.stat().st_size > 0


def _last_good(settings: Settings, away: StoreUnavailable) -> tuple[Contents, tuple[str, ...]]:
    """Return the copy that a node keeps for when its store is away, nothing where there is none."""
    try:
        contents = unpack_contents(settings.last_good_file.read_bytes(), str(settings.last_good_file))
    except FileNotFoundError:
        return _NOTHING, (f"the store can't be reached, so the file is judged alone: {away}",)
    except OSError as error:
        raise StartupError(f"{settings.last_good_file} can't be read: {error.strerror}") from error
    except StoreUnavailable as error:
        raise StartupError(str(error)) from error
    kept = _opened(contents, ring_of(settings.keyring, contents)) if _is_sealed(contents) else contents
    return kept, (f"the store can't be reached, so its last good copy is judged, revision {kept.revision}: {away}",)


def _is_sealed(contents: Contents) -> bool:
    return any(sealed_texts(record.value) for record in contents.records.values())


def _opened(contents: Contents, ring: KeyRing) -> Contents:
    records: Mapping[Key, Record] = {
        key: replace(record, value=opened(key, record.value, ring)) for key, record in contents.records.items()
    }
    return replace(contents, records=records)
