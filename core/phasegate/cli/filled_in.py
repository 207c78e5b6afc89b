"""Numbers and booleans out of the environment: told from text by the schemas that the gateway publishes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..environment import FromEnvironment
from ..schema.messages import abbreviated
from ..schema.prepare import typed
from ..sealing.places import texts
from ..store.records import Key, Value
from .plan import FILLED_IN

_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
_ANY: Mapping[str, Any] = {"type": ("number", "boolean")}

# How much of a value a message quotes, from what length on a text is no word that it has anyway, and from what length on
# a part of one is none.
_QUOTED = 60
_LONG = 8
_PART = 12

JSONSchema = Mapping[str, Any]


def kinds_in_doubt(resources: Mapping[Key, Value]) -> set[str]:
    """Return the kinds of which a resource has text from the environment that might be meant as something else."""
    return {kind for (kind, _), value in resources.items() if any(texts(value, _is_in_doubt))}


def with_types(resources: Mapping[Key, Value], schemas: Mapping[str, JSONSchema]) -> dict[Key, Value]:
    """Return the resources with text from the environment as what the JSON Schema of their kind asks for."""
    return {key: _typed(value, [schemas[key[0]]]) if key[0] in schemas else value for key, value in resources.items()}


def unquoted(message: str, resources: Mapping[Key, Value]) -> str:
    """Return a message of the gateway without any text from the environment that it quotes, in whole or in part."""
    hidden = {str(text) for value in resources.values() for _, text in texts(value, _is_filled_in)}
    for text in sorted(hidden, key=len, reverse=True):
        for quoted in _quotations(text):
            message = message.replace(quoted, FILLED_IN)
        message = _without_parts(message, text)
    return message


def _quotations(text: str) -> Iterator[str]:
    """Yield what a message may have of a text."""
    for quoted in (repr(text), repr(abbreviated(text))):
        yield quoted
        yield quoted[:_QUOTED]
    yield f"[{text}]"
    if len(text) >= _LONG:
        yield text


def _without_parts(message: str, text: str) -> str:
    """Return the message without any part of the text that is long enough to be no chance."""
    told, start = "", 0
    while start < len(message):
        end = start + _PART
        if len(message) >= end and message[start:end] in text:
            while end < len(message) and message[start : end + 1] in text:
                end += 1
            told, start = told + FILLED_IN, end
        else:
            told, start = told + message[start], start + 1
    return told


def _is_in_doubt(text: str) -> bool:
    return isinstance(text, FromEnvironment) and typed(text, _ANY) is not text


def _is_filled_in(text: str) -> bool:
    return isinstance(text, FromEnvironment)


def _typed(value: Any, schemas: Iterable[JSONSchema]) -> Any:
    rules = list(_expanded(schemas))
    if isinstance(value, FromEnvironment):
        types = [name for rule in rules for name in _types(rule)]
        return value if "string" in types else typed(value, {"type": types})
    if isinstance(value, Mapping):
        return {key: _typed(item, _of_key(rules, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_typed(item, [rule["items"] for rule in rules if "items" in rule]) for item in value]
    return value


def _types(rule: JSONSchema) -> list[str]:
    found = rule.get("type", ())
    return [found] if isinstance(found, str) else list(found)


def _expanded(schemas: Iterable[JSONSchema]) -> Iterator[JSONSchema]:
    """Yield the schemas and all alternatives in them."""
    for schema in schemas:
        if isinstance(schema, Mapping):
            yield schema
            yield from _expanded(option for name in _ALTERNATIVES for option in schema.get(name, ()))


def _of_key(rules: Iterable[JSONSchema], key: str) -> list[JSONSchema]:
    found = (rule.get("properties", {}).get(key, rule.get("additionalProperties")) for rule in rules)
    return [schema for schema in found if isinstance(schema, Mapping)]
