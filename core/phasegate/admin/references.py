"""Which resource refers to which: what is missing before a write, and what still uses a resource that is to go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..store.records import Value
from .catalogue import Catalogue, Entry
from .kinds import KINDS, Kind
from .wording import missing

_FIELDS = {
    "routes": {
        "upstream_id": "upstreams",
        "service_id": "services",
        "plugin_config_id": "plugin_configs",
        "upstream.tls.client_cert_id": "ssls",
    },
    "services": {"upstream_id": "upstreams", "upstream.tls.client_cert_id": "ssls"},
    "upstreams": {"tls.client_cert_id": "ssls"},
    "consumers": {"group_id": "consumer_groups"},
}


def dangling(kind: Kind, value: Value, catalogue: Catalogue) -> Iterator[str]:
    """Yield a sentence on each reference of a value to something that is not there."""
    for field, wanted in _FIELDS.get(kind.name, {}).items():
        id_ = _at(value, field.split("."))
        if isinstance(id_, str) and catalogue.find(KINDS[wanted], id_) is None:
            yield missing(KINDS[wanted].noun, id_)


def users(gone: Entry, catalogue: Catalogue) -> Iterator[tuple[Entry, str]]:
    """Yield what refers to a resource, each with the path of the reference."""
    for name, fields in _FIELDS.items():
        for field in (field for field, wanted in fields.items() if wanted == gone.kind.name):
            refers = partial(_refers, field.split("."), gone.id)
            for entry in catalogue.where(KINDS[name], refers):
                yield entry, field


def still_used(gone: Entry, user: Entry) -> str:
    """Return why a resource can't go."""
    return f"can not delete this {gone.kind.noun}, {user.kind.noun} [{user.id}] is still using it now"


def _refers(path: Sequence[str], id_: str, value: Value) -> bool:
    return path[0] in value and _at(value, path) == id_


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return str(value) if type(value) is int else value
