"""JSON Schema (draft 2020-12) out of cerberus rules, for those who judge or show a configuration elsewhere.

What comes out takes and refuses what `Schema` does, with these differences, each of which leaves the last word to us:

- A `format` becomes the pattern of its texts, which does not say what numbers an address may have, or how a URL is built.
- A whole number that is written with a fraction (`1.0`) is an integer to JSON Schema, and none here.
- A pattern is ECMA-262's: digits and letters by their short names are ASCII there, and some libraries let a newline follow at the end.
- Text out of the environment may stand for a number or a boolean in files, and is text to JSON Schema.
- What `check` of a plugin and the resolving of references find is beyond any schema.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from .prepare import Definition
from .rules import FORMATS

JSONSchema = dict[str, Any]
Types = tuple[str, ...]

_TYPES = {
    "boolean": "boolean",
    "dict": "object",
    "float": "number",
    "integer": "integer",
    "list": "array",
    "number": "number",
    "string": "string",
}
_ALL_BUT_NULL = ("array", "boolean", "number", "object", "string")
_LENGTHS = {"array": "Items", "object": "Properties", "string": "Length"}
_FORMATS = {
    "url": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\\]+$",
    "address": r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$",
    "network": r"^[0-9A-Fa-f.:]+(%[^/]*)?(/[0-9.]+)?$",
    "header-value": "^[!-~]([ -~]*[!-~])?$",
    "password": r"^[\s\S]{1,1024}$",
}
# Anchors, groups, possessive quantifiers and classes that Python has and ECMA-262 has not, or reads otherwise.
_PYTHON_ALONE = re.compile(r"\\[AZU]|\(\?(?![:=!]|<[=!])|[*+?}]\+|\[\^?\]")


def json_schema(definition: Definition, path: str = "") -> JSONSchema:
    """Return the JSON Schema of an object. Raise ValueError for a rule that it can't say.

    Keys that this version has no use for are left out, so that they are refused as unknown ones are.
    """
    known = {key: rules for key, rules in definition.items() if rules.get("available") != []}
    schema: JSONSchema = {
        "type": "object",
        "properties": {key: _property(key, known, f"{path}{key}") for key in known},
        "additionalProperties": False,
    }
    required = [key for key, rules in known.items() if _must_stand(rules) and not _spellings(key, known)]
    conditions = [condition for key in known for condition in _one_spelling(key, known)]
    return schema | ({"required": required} if required else {}) | ({"allOf": conditions} if conditions else {})


def _property(key: str, known: Definition, path: str) -> JSONSchema:
    name = known[key].get("alias_of", key)
    schema = _value(known[name], path)
    return schema if name == key else {**schema, "description": f"another spelling of {name}"}


def _must_stand(rules: Mapping[str, Any]) -> bool:
    """Tell whether a key can't be left out: no default stands in for it, or a default that lacks something itself."""
    if "default" not in rules:
        return bool(rules.get("required"))
    if rules.get("type") != "dict" or not isinstance(rules["default"], Mapping):
        return False
    return any(_must_stand(inner) for key, inner in rules.get("schema", {}).items() if key not in rules["default"])


def _spellings(key: str, known: Definition) -> list[str]:
    return [other for other, rules in known.items() if rules.get("alias_of") == key]


def _one_spelling(key: str, known: Definition) -> Iterator[JSONSchema]:
    """Yield the condition that a key with aliases stands there once, or at most once."""
    others = _spellings(key, known)
    if not others:
        return
    if _must_stand(known[key]):
        yield {"oneOf": [{"required": [name]} for name in (key, *others)]}
        return
    for pair in combinations((key, *others), 2):
        yield {"not": {"required": list(pair)}}


def _value(rules: Mapping[str, Any], path: str) -> JSONSchema:
    foreign = sorted(rules.keys() - _CONSTRAINTS.keys() - _INSIDES.keys() - _ELSEWHERE)
    if foreign:
        raise ValueError(f"{path} has the rule {foreign[0]!r}, for which JSON Schema has no word: leave it out")
    types = _types(rules, path)
    parts = [
        {"type": types[0] if len(types) == 1 else list(types)},
        *(convert(rules[rule], types, path) for rule, convert in _CONSTRAINTS.items() if rule in rules),
        *_inside(rules, types, path),
        *_alternatives(rules, path),
    ]
    return _all_of(parts) | _annotations(rules)


def _types(rules: Mapping[str, Any], path: str) -> Types:
    wanted = rules.get("type", ())
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    foreign = [name for name in names if name not in _TYPES]
    if foreign:
        raise ValueError(f"{path} has the type {foreign[0]!r}, which JSON has not: choose another")
    types = tuple(dict.fromkeys(_TYPES[name] for name in names)) or _ALL_BUT_NULL
    return (*types, "null") if rules.get("nullable") else types


def _all_of(parts: Iterable[JSONSchema]) -> JSONSchema:
    """Return one schema that demands what all parts do; where two use the same word, the later goes under `allOf`."""
    schema: JSONSchema = {}
    for part in parts:
        if schema.keys() & part.keys():
            schema.setdefault("allOf", []).append(part)
        else:
            schema |= part
    return schema


def _annotations(rules: Mapping[str, Any]) -> JSONSchema:
    annotations: JSONSchema = {}
    described = _description(rules)
    if described:
        annotations["description"] = described
    if "default" in rules:
        annotations["default"] = copy.deepcopy(rules["default"])
    if rules.get("secret"):
        annotations |= {"writeOnly": True, "x-secret": True}
    return annotations


def _description(rules: Mapping[str, Any]) -> str:
    """Return what a key means, and what is expected of its value."""
    about = str(rules.get("about", ""))
    expected = str(rules.get("meta", {}).get("expected") or FORMATS.get(rules.get("format", ""), ""))
    return f"{about} Must be {expected}" if about and expected else about or expected


def _inside(rules: Mapping[str, Any], types: Types, path: str) -> Iterator[JSONSchema]:
    """Yield what holds for the keys and values of an object or the entries of a list."""
    if "keysrules" in rules:
        yield {"propertyNames": _value(rules["keysrules"], f"{path}.keysrules")}
    if "schema" in rules and "object" in types:
        schema = json_schema(rules["schema"], f"{path}.")
        del schema["type"]
        yield schema
    elif "schema" in rules or "valuesrules" in rules:
        values = rules["valuesrules"] if "valuesrules" in rules else rules["schema"]
        yield {"additionalProperties" if "object" in types else "items": _value(values, f"{path}[]")}


def _alternatives(rules: Mapping[str, Any], path: str) -> Iterator[JSONSchema]:
    inherited = {"type": rules["type"]} if "type" in rules else {}
    for rule, word in (("allof", "allOf"), ("anyof", "anyOf"), ("oneof", "oneOf"), ("noneof", "anyOf")):
        if rule in rules:
            options = {word: [_value(inherited | option, f"{path}.{rule}") for option in rules[rule]]}
            yield {"not": options} if rule == "noneof" else options


def _length(word: str) -> Callable[[int, Types, str], JSONSchema]:
    return lambda limit, types, _: {f"{word}{_LENGTHS[name]}": limit for name in types if name in _LENGTHS}


def _empty(may_be: bool, types: Types, path: str) -> JSONSchema:  # noqa: FBT001 (a rule's value)
    if may_be:
        raise ValueError(f"{path} has `empty: True`, which switches other rules off: leave it out")
    return _length("min")(1, types, path)


def _limit(word: str) -> Callable[[Any, Types, str], JSONSchema]:
    def convert(limit: Any, _types: Types, path: str) -> JSONSchema:
        if isinstance(limit, bool) or not isinstance(limit, (int, float)):
            raise ValueError(f"{path} has the limit {limit!r}, which is no number")  # noqa: TRY004 (all are ValueErrors)
        return {word: limit}

    return convert


def _allowed(values: Iterable[Any], types: Types, path: str) -> JSONSchema:
    """Return an enumeration; cerberus applies it to the entries of a list, which needs that type alone."""
    if types == ("array",):
        return {"items": {"enum": list(values)}}
    if {"array", "object"} & set(types):
        raise ValueError(f"{path} has `allowed` and may be a list or an object: give it one plain type")
    return {"enum": [*values, *((None,) if "null" in types else ())]}


def _pattern(regex: str, _types: Types, path: str) -> JSONSchema:
    if _PYTHON_ALONE.search(regex.replace(r"\\", "")):
        raise ValueError(f"{path} has the pattern {regex!r}, which means something in Python alone: write it plainer")
    return {"pattern": f"^(?:{regex})$" if "|" in regex else f"^{regex}$"}


_CONSTRAINTS: dict[str, Callable[[Any, Types, str], JSONSchema]] = {
    "allowed": _allowed,
    "available": lambda values, types, path: {"enum": list(values)},
    "empty": _empty,
    "format": lambda name, types, path: {"pattern": _FORMATS[name]},
    "max": _limit("maximum"),
    "maxlength": _length("max"),
    "min": _limit("minimum"),
    "minlength": _length("min"),
    "regex": _pattern,
}
_INSIDES = dict.fromkeys(("keysrules", "schema", "valuesrules", "allof", "anyof", "noneof", "oneof"))
_ELSEWHERE = frozenset({"about", "alias_of", "default", "meta", "nullable", "required", "secret", "type"})
