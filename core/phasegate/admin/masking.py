"""Secrets in the values of resources: hidden from readers, and kept where a writer sends the mask back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..environment import FromEnvironment
from ..schema.resources import KINDS as RULES
from ..schema.tables import Schemas
from ..secret import MASK

_CREDENTIALS = ("consumers", "credentials")
_UNREADABLE = {"ssls": ("key", "keys")}

Rules = Mapping[str, Any]


class MaskedNothing(ValueError):
    """A mask stands where nothing is stored; its text is the path to it."""


class Masking:
    """Knows which fields of a resource are secret: by the rules of its kind and by the schemas of its plugins."""

    def __init__(self, schemas: Schemas) -> None:
        self._classes = schemas.registry.classes

    def masked(self, kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy with every secret, and all that the environment filled in, as the mask."""
        hidden: dict[str, Any] = _masked(self.readable(kind, value), self._rules(kind, value))
        return hidden

    @staticmethod
    def readable(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy without what nobody may read: the private keys of certificates."""
        return {key: item for key, item in value.items() if key not in _UNREADABLE.get(kind, ())}

    def unmasked(self, kind: str, value: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy with the stored secrets where a mask stands. Raise MaskedNothing where there is none."""
        whole: dict[str, Any] = _unmasked(value, stored, self._rules(kind, value), "")
        return whole

    def _rules(self, kind: str, value: Mapping[str, Any]) -> Rules:
        plugins = value.get("plugins")
        own = {name: self._of_plugin(kind, name) for name in plugins} if isinstance(plugins, Mapping) else {}
        if kind == "plugin_metadata":
            return {"schema": getattr(self._classes.get(str(value.get("id"))), "metadata_schema", None) or {}}
        return {"schema": {**RULES.get(kind, {}), "plugins": {"schema": own}}}

    def _of_plugin(self, kind: str, name: str) -> Rules:
        cls = self._classes.get(name)
        credential = cls.consumer_schema if cls and kind in _CREDENTIALS else None
        return {"schema": credential or (cls.schema if cls else {})}


def _masked(value: Any, rules: Rules) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(item, _inner(rules, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, _item(rules)) for item in value]
    return MASK if rules.get("secret") or isinstance(value, FromEnvironment) else value


def _unmasked(value: Any, stored: Any, rules: Rules, path: str) -> Any:
    if isinstance(value, Mapping):
        joint = "." if path else ""
        return {
            key: _unmasked(item, _stored(stored, key, rules), _inner(rules, key), f"{path}{joint}{key}")
            for key, item in value.items()
        }
    if isinstance(value, list):
        before = stored if isinstance(stored, list) else []
        return [
            _unmasked(item, before[index] if index < len(before) else None, _item(rules), f"{path}[{index}]")
            for index, item in enumerate(value)
        ]
    if value != MASK or not rules.get("secret"):
        return value
    if stored is None:
        raise MaskedNothing(path)
    return stored


def _stored(stored: Any, key: str, rules: Rules) -> Any:
    """Return what is stored for a key, under whichever of its spellings."""
    if not isinstance(stored, Mapping):
        return None
    return next((stored[name] for name in _spellings(rules, key) if name in stored), None)


def _spellings(rules: Rules, key: str) -> Iterator[str]:
    schema = rules.get("schema") or {}
    name = _of(schema, key).get("alias_of", key)
    yield key
    yield name
    yield from (other for other in schema if _of(schema, other).get("alias_of") == name)


def _inner(rules: Rules, key: str) -> Rules:
    """Return the rules of a key of an object; what is inside a secret is secret."""
    if rules.get("secret"):
        return rules
    schema = rules.get("schema") or {}
    own = _of(schema, key)
    return _of(schema, own["alias_of"]) if "alias_of" in own else own or rules.get("valuesrules") or {}


def _item(rules: Rules) -> Rules:
    return rules if rules.get("secret") else rules.get("schema") or {}


def _of(schema: Rules, key: str) -> Rules:
    rules = schema.get(key)
    return rules if isinstance(rules, Mapping) else {}
