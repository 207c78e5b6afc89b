"""Which fields of a record are secret: those that schemas mark so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..multi_auth import MultiAuth, inside
from ..references import is_reference
from ..schema.managers import SECRETS
from ..schema.tables import Schemas
from ..store.records import Key
from .places import Place, texts

_Rules = Mapping[str, Any]
# All rules, and those that have a mark.
_Both = tuple[_Rules, _Rules]

_ALTERNATIVES = ("anyof", "allof", "oneof")
_SECRET: _Rules = {"secret": True}
# Whatever their own rules say.
_KINDS: dict[str, _Rules] = {
    "secrets": SECRETS,
    "ssls": {"key": _SECRET, "keys": {"type": "list", "schema": _SECRET}},
}
_ON_CONSUMERS = ("consumers", "credentials")


class SecretFields:
    """Finds the secrets of a record: what its kind's rules and its plugins' schemas mark as `secret`.

    A plugin's entry on a consumer or credential follows its `consumer_schema`, plugin metadata its `metadata_schema`.
    Where no rule is known nobody can say which texts are secret, so all are: in the configuration of a plugin that is not
    enabled, and under keys that its schema does not have. History outlives plugins and their schemas.
    """

    def __init__(self, schemas: Schemas) -> None:
        classes = schemas.registry.classes.items()
        self._plugins = {name: _both(cls.schema) for name, cls in classes}
        self._credentials = {name: _both(cls.consumer_schema or cls.schema) for name, cls in classes}
        self._metadata = {name: _both(getattr(cls, "metadata_schema", None) or {}) for name, cls in classes}
        kinds = {kind: schema.definition for kind, schema in schemas.kinds.items()}
        self._kinds = {kind: _marked({**kinds.get(kind, {}), **_KINDS.get(kind, {})}) for kind in {*kinds, *_KINDS}}

    def __call__(self, key: Key, value: object) -> list[Place]:
        """Return the place of every secret that the value holds; references are none."""
        return list(self._found(key, value))

    def _found(self, key: Key, value: object) -> Iterator[Place]:
        kind, name = key
        yield from _in_object(value, self._kinds.get(kind, {}), ())
        if kind == "plugin_metadata" and isinstance(value, Mapping):
            told = {key: item for key, item in value.items() if key != "id"}
            yield from _of_plugin(told, self._metadata.get(name), ())
        plugins = value.get("plugins") if isinstance(value, Mapping) else None
        if isinstance(plugins, Mapping):
            schemas = self._credentials if kind in _ON_CONSUMERS else self._plugins
            for plugin, config in plugins.items():
                yield from _of_plugin(config, schemas.get(plugin), ("plugins", plugin))
            yield from self._of_multi_auth(plugins.get(MultiAuth.name))

    def _of_multi_auth(self, config: object) -> Iterator[Place]:
        """Yield the secrets of the plugins inside of a `multi-auth`."""
        if MultiAuth.name in self._plugins and isinstance(config, Mapping):
            for index, plugin, inner in inside(config):
                place = ("plugins", MultiAuth.name, "auth_plugins", index, plugin)
                yield from _of_plugin(inner, self._plugins.get(plugin), place)


def _of_plugin(config: object, rules: _Both | None, place: Place) -> Iterator[Place]:
    """Yield the secrets of a plugin's configuration, every text in it where nobody knows its rules."""
    if rules is None:
        yield from _all_texts(config, place)
        return
    whole, marked = rules
    yield from _in_object(config, marked, place)
    yield from _strange(config, {**whole, "_meta": {}}, place)


def _all_texts(value: object, place: Place) -> Iterator[Place]:
    yield from (found for found, _ in texts(value, lambda text: not is_reference(text), place))


def _strange(value: object, definition: _Rules, place: Place) -> Iterator[Place]:
    """Yield every text under a key that the rules don't have, as deep as one set of rules holds for sure."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        rules = definition.get(key)
        if rules is None:
            yield from _all_texts(item, (*place, key))
        elif rules.get("secret") is not True and rules.get("type") == "dict" and rules.get("schema"):
            yield from _strange(item, rules["schema"], (*place, key))


def _both(definition: _Rules) -> _Both:
    return definition, _marked(definition)


def _marked(definition: _Rules) -> _Rules:
    """Return those rules, at every depth, that have a mark somewhere; an alias has the mark of what it stands for."""
    marked = {}
    for key, rules in definition.items():
        its = {**definition.get(rules["alias_of"], {}), **rules} if "alias_of" in rules else rules
        if _holds_mark(its):
            marked[key] = _marked_inside(its)
    return marked


def _marked_inside(rules: _Rules) -> _Rules:
    schema = rules.get("schema", {})
    inside = _marked_inside(schema) if rules.get("type") == "list" else _marked(schema)
    options = {name: [_marked_inside(option) for option in rules[name]] for name in _ALTERNATIVES if name in rules}
    return {**rules, **options, "schema": inside}


def _holds_mark(rules: object) -> bool:
    if isinstance(rules, Mapping):
        return rules.get("secret") is True or any(_holds_mark(item) for item in rules.values())
    return isinstance(rules, (list, tuple)) and any(_holds_mark(item) for item in rules)


def _in_object(value: object, definition: _Rules, place: Place) -> Iterator[Place]:
    if isinstance(value, Mapping):
        for key, rules in definition.items():
            if key in value:
                yield from _in_value(value[key], rules, (*place, key))


def _in_value(value: object, rules: _Rules, place: Place) -> Iterator[Place]:
    if rules.get("secret") is True:
        if value is not None and not is_reference(value):
            yield place
        return
    yield from dict.fromkeys(
        found
        for alternative in (rules, *(option for name in _ALTERNATIVES for option in rules.get(name, ())))
        for found in _inside(value, alternative, place)
    )


def _inside(value: object, rules: _Rules, place: Place) -> Iterator[Place]:
    schema = rules.get("schema", {})
    if isinstance(value, Mapping):
        if "valuesrules" in rules:
            for key, item in value.items():
                yield from _in_value(item, rules["valuesrules"], (*place, key))
        else:
            yield from _in_object(value, schema, place)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _in_value(item, schema, (*place, index))
