"""Resources as a document of lists, as routes.yaml has them, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ..admin.kinds import KINDS, Kind
from ..admin.values import TIMES
from ..errors import ConfigError, Finding
from ..store.records import Key, Value

_BUILT = {name: kind for name, kind in KINDS.items() if kind.built}
_LEADING = ("id", "username", "name", "desc", "status", "uri", "uris", "host", "hosts", "methods")
_REFERENCE = re.compile(r"\$(?=\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\})")
# A variable that is not set, and its default: no other way leads to a dollar sign before a brace.
_DOLLAR = "${DOLLAR:-$}"


def wanted(document: Mapping[str, Any]) -> dict[Key, Value]:
    """Return the resources that a document lists, in its order. Raise ConfigError with all that is no resource."""
    found: dict[Key, Value] = {}
    findings: list[Finding] = []
    for name in sorted(document, key=lambda name: [*_BUILT, name].index(name)):
        if name not in KINDS:
            findings.append(Finding(name, _unknown(name)))
        elif not isinstance(document[name], list):
            findings.append(Finding(name, "must be a list"))
        elif name not in _BUILT and document[name]:
            findings.append(Finding(name, "is not supported in this version: leave it out"))
        elif name in _BUILT:
            findings += _take(_BUILT[name], document[name], found)
    if findings:
        raise ConfigError(findings)
    return found


def exported(resources: Mapping[Key, Value]) -> dict[str, list[dict[str, Any]]]:
    """Return the document that lists these resources: kinds and keys in a fixed order, resources by their ids."""
    document: dict[str, list[dict[str, Any]]] = {}
    for name, kind_ in _BUILT.items():
        ids = sorted(id_ for kind, id_ in resources if kind == name)
        if ids:
            document[name] = [_entry(kind_, id_, resources[name, id_]) for id_ in ids]
    return document or {"routes": []}


def _take(kind: Kind, items: list[Any], found: dict[Key, Value]) -> Iterator[Finding]:
    for index, item in enumerate(items):
        path = f"{kind.name}[{index}]"
        id_ = item.get(kind.id_key) if isinstance(item, Mapping) else None
        id_ = str(id_) if type(id_) is int else id_
        if not isinstance(item, Mapping):
            yield Finding(path, "must be an object")
        elif not isinstance(id_, str) or not id_:
            yield Finding(f"{path}.{kind.id_key}", "is required: it names the resource")
        elif kind.name in ("credentials", "secrets") and "/" not in id_:
            whose = "CONSUMER/NAME" if kind.name == "credentials" else "MANAGER/NAME"
            yield Finding(f"{path}.id", f"must be {whose} (got {id_!r})")
        elif (kind.name, id_) in found:
            yield Finding(f"{path}.{kind.id_key}", f"{id_!r} stands there twice: remove one")
        else:
            found[kind.name, id_] = _value(kind, item)


def _value(kind: Kind, item: Mapping[str, Any]) -> Value:
    return item if kind.id_key == "username" else {key: value for key, value in item.items() if key != "id"}


def _unknown(name: str) -> str:
    close = get_close_matches(name, _BUILT, n=1)
    return (
        f"is not a known key: did you mean {close[0]!r}?" if close else f"is not a known key: {', '.join(_BUILT)} are"
    )


def _entry(kind: Kind, id_: str, value: Value) -> dict[str, Any]:
    whole = {kind.id_key: id_, **{key: item for key, item in value.items() if key not in (kind.id_key, *TIMES)}}
    return {key: _plain(whole[key]) for key in _ordered(whole)}


def _ordered(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: (_LEADING.index(key) if key in _LEADING else len(_LEADING), key))


def _plain(value: Any) -> Any:
    """Return a value with its keys in order, and with text that would be filled in from the environment kept from that."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _REFERENCE.sub(lambda _: _DOLLAR, value) if isinstance(value, str) else value
