"""The SQLite file of a store: made, judged and opened; what SQLite says when it can't."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from .durable import sync_folder
from .records import StoreUnavailable

# https://www.sqlite.org/pragma.html#pragma_application_id; it says PHGT
_APPLICATION_ID = 0x50484754
_VERSION = 2
_BUSY_SECONDS = 5.0
_SECOND = f"""
CREATE TABLE summaries (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
PRAGMA user_version = {_VERSION};
"""
_SCHEMA = f"""
CREATE TABLE records (kind TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE revisions (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION_ID};
{_SECOND.strip()}
"""
_REMEDIES = {
    "SQLITE_NOTADB": "is no SQLite file: move it away, or let resources.store name another one",
    "SQLITE_CORRUPT": "is damaged: restore a backup, or save what SQLite's command `.recover` can read of it",
    "SQLITE_FULL": "can't grow: make room on its disk",
    "SQLITE_IOERR": "can't be read or written: look after its disk",
    "SQLITE_BUSY": "is locked by another process: end what holds it, or try again",
    "SQLITE_READONLY": "can't be written: let this user own it and its folder",
    "SQLITE_CANTOPEN": "can't be opened: let this user own it and its folder",
}


def open_file(path: Path) -> sqlite3.Connection:
    """Return a connection to the store's file, which is made where there is none.

    Raise StoreUnavailable where it can't be opened, belongs to another program, or is of a version to come.
    """
    with told(path):
        _make(path)
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _judge(path, connection)
            _close_to_others(path)
            _use_wal(path, connection)
            _create(connection)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into StoreUnavailable, with the path and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"{path} can't be used: {error.strerror}; let this user own it and its folder"
        ) from error
    except sqlite3.Error as error:
        name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
        raise StoreUnavailable(f"{path} {_REMEDIES.get(name, 'can not be used')} ({error})") from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Run a block in one transaction, `IMMEDIATE` to write or `DEFERRED` to read: all of it happens, or nothing does."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make(path: Path) -> None:
    """Make what is missing, for its owner alone. SQLite's own files beside it get its mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise StoreUnavailable(f"{path} is no file: let resources.store name another one")
    finally:
        os.close(file)
    sync_folder(path.parent)


def _judge(path: Path, connection: sqlite3.Connection) -> None:
    # At one moment, for another process may be making the tables.
    with transaction(connection, "DEFERRED"):
        owner, version = _number(connection, "application_id"), _number(connection, "user_version")
        is_new = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    if owner == _APPLICATION_ID and version > _VERSION:
        raise StoreUnavailable(f"{path} was written by a newer Phasegate: run that one, or name another file")
    if owner != _APPLICATION_ID and (owner or version or not is_new):
        raise StoreUnavailable(f"{path} belongs to another program: let resources.store name another file")


def _close_to_others(path: Path) -> None:
    """Let the owner alone read a file that is the store's, for records hold secrets.

    It is not opened for that: to close it again would give up the locks that SQLite has on it
    (https://www.sqlite.org/howtocorrupt.html section 2.2).
    """
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _use_wal(path: Path, connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log, and have each commit on the disk before it is said to be done.

    SQLite does not wait for others where two processes make the file at once, so this does.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StoreUnavailable(f"{path} can't have a write-ahead log there: put it on a local disk")
    connection.execute("PRAGMA synchronous = FULL")


def _create(connection: sqlite3.Connection) -> None:
    if _missing(connection):
        with transaction(connection, "IMMEDIATE"):
            for statement in _missing(connection).strip().split(";\n"):
                connection.execute(statement)


def _missing(connection: sqlite3.Connection) -> str:
    """Return what makes of the file one of this version: nothing once another process has."""
    if _number(connection, "application_id") != _APPLICATION_ID:
        return _SCHEMA
    return _SECOND if _number(connection, "user_version") < _VERSION else ""


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)
