"""The store that the setting `resources.store` names."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ..errors import Finding
from ..secret import Secret
from .etcd import EtcdStore
from .etcd_client import Cluster
from .last_good import Kept
from .no_store import NoStore
from .records import Store
from .sqlite import SqliteStore

_FORMS = "`none`, `sqlite:FILE` or `etcd:http://HOST:2379/PREFIX`"


def open_store(text: str, directory: Path, *, last_good: Path | None = None) -> Store:
    """Return the store that the text names; nothing is read or connected before it is used.

    Paths are relative to `directory`. With `last_good` what etcd holds is kept in that file too, for when etcd is away.
    Raise ValueError for a text that `judge_store` has a finding for.
    """
    kind, _, rest = text.partition(":")
    if text == "none":
        return NoStore()
    if kind == "sqlite":
        return SqliteStore(directory / _file(rest))
    if kind == "etcd":
        store = EtcdStore(_cluster(rest, directory))
        return Kept(store, last_good) if last_good else store
    raise ValueError(f"names no store: write {_FORMS}")


def judge_store(text: str, directory: Path, path: str = "resources.store") -> list[Finding]:
    """Return what is wrong with a text that is to name a store; the text is not shown, for it may hold a password."""
    try:
        open_store(text, directory)
    except ValueError as error:
        return [Finding(path, str(error))]
    return []


def _file(rest: str) -> str:
    if not rest or rest == ":memory:" or rest.startswith("//"):
        raise ValueError("names no file: write sqlite:var/phasegate.db, or sqlite:/var/lib/phasegate.db")
    return rest


def _cluster(rest: str, directory: Path) -> Cluster:
    """Parse `http://a:2379,http://user:password@b:2379/prefix?ca=FILE`; path and query stand behind the last member."""
    members = [_member(text) for text in rest.split(",")]
    last = members[-1]
    known = next((member for member in members if member.username), last)
    if any(member.path or member.query for member in members[:-1]):
        raise ValueError("has a path in the midst: write it once, behind the last of etcd's members")
    query = parse_qs(last.query, keep_blank_values=True)
    if query.keys() - {"ca"} or (last.query and not query):
        # What stands there is not shown: it is the rest of a password where that has a question mark.
        raise ValueError(
            "has something else than ca=FILE behind its question mark: write a password's own ? as %3F, its / as %2F"
        )
    return Cluster(
        endpoints=tuple(f"{member.scheme}://{member.netloc.rpartition('@')[2]}" for member in members),
        prefix=f"/{last.path.strip('/') or 'phasegate'}",
        user=unquote(known.username or ""),
        password=Secret(unquote(known.password)) if known.password else None,
        ca=_authorities(directory / query["ca"][0]) if "ca" in query else None,
    )


def _authorities(file: Path) -> str:
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ValueError(f"names a file as ca that holds no certificates in PEM: {error.strerror or error}") from error
    return str(file)


def _member(text: str) -> SplitResult:
    wrong = "names no etcd: write etcd:http://HOST:2379/PREFIX, several members divided by commas"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        # Its own message may show a password.
        raise ValueError(wrong) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError(wrong)
    return parts
