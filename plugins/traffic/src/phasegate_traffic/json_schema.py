"""JSON Schemas of a configuration: judged when they are loaded, compiled once, and never fetched from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from phasegate import Finding

from . import pattern

_SHOWN = 200


class Fault(NamedTuple):
    """What is wrong with a value: the whole story for whoever sent it, and without the value for the log."""

    text: str
    rule: str


def validator(schema: Mapping[str, Any]) -> Validator:
    """Return what judges values by a schema, of draft 2020-12 where it does not say."""
    cls = extend(validator_for(schema, default=Draft202012Validator), {"uniqueItems": _unique})
    made: Validator = cls(schema, registry=Registry())
    return made


def first_error(judge: Validator, value: object) -> Fault | None:
    """Return the first thing that is wrong with a value, with its place; None where nothing is."""
    try:
        error = next(judge.iter_errors(value), None)
    except RecursionError:
        return Fault("$: is nested too deeply", "$: nesting")
    if error is None:
        return None
    return Fault(f"{error.json_path}: {error.message}"[:_SHOWN], f"{error.json_path}: {error.validator}"[:_SHOWN])


def by_lower_case(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of header fields with their names as requests have them here."""
    lowered = dict(schema)
    if isinstance(schema.get("properties"), Mapping):
        lowered["properties"] = {name.lower(): rules for name, rules in schema["properties"].items()}
    if isinstance(schema.get("required"), list):
        lowered["required"] = [name.lower() for name in schema["required"]]
    return lowered


def wrong(schema: Mapping[str, Any] | None, path: str) -> Iterator[Finding]:
    """Yield what is wrong with a schema that stands at a path of the configuration, and what is doubtful in it."""
    if schema is None:
        return
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        yield Finding(path, f"is no JSON Schema: {error.json_path}: {error.message}"[:_SHOWN])
        return
    resolver = Registry().with_resource("", Resource.from_contents(schema, DRAFT202012)).resolver()
    for place, key, value in _parts(schema, path):
        if key == "pattern" and isinstance(value, str):
            yield from pattern.doubts(value, place)
        elif key in ("$ref", "$dynamicRef") and isinstance(value, str):
            try:
                resolver.lookup(value)
            except Unresolvable:
                yield Finding(place, f"refers to {value!r}, which is not in this schema: put it under $defs")


def _parts(value: object, path: str) -> Iterator[tuple[str, str, object]]:
    """Yield every key and value in a schema, however deep, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{path}.{key}", key, item
            yield from _parts(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _parts(item, f"{path}[{index}]")


def _unique(_: Validator, wanted: object, value: object, __: object) -> Iterator[ValidationError]:
    """Judge `uniqueItems` in time that grows with the items; the library compares each with each."""
    if wanted and isinstance(value, list) and len({_spelt(item) for item in value}) != len(value):
        yield ValidationError("has an item twice")


def _spelt(value: Any) -> str:
    """Return what is equal for values that JSON Schema calls equal: 1.0 is 1, and true is not.

    It is text, for nobody can choose texts whose hashes collide, as numbers' and lists' do.
    """
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{json.dumps(key)}:{_spelt(item)}' for key, item in value.items()))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_spelt, value))}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)
