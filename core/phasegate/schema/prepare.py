"""What happens to an object before cerberus sees it: aliases, nulls, and text from the environment."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from ..environment import FromEnvironment
from ..errors import Finding

Definition = Mapping[str, Mapping[str, Any]]

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}")
_FROZEN = (str, int, float, bool)
_BOOLEANS = {"true": True, "false": False}


def prepare(document: Mapping[Any, Any], definition: Definition) -> tuple[dict[Any, Any], list[Finding]]:
    """Return a copy of the object, of this level alone, that cerberus can judge, and what it could not have seen.

    A key spelt by its alias gets its name, and both at once are an error; text from the environment becomes the number
    or boolean that its key asks for; `null` is an error unless the key is nullable; defaults are filled in.
    """
    prepared: dict[Any, Any] = {}
    findings: list[Finding] = []
    for key, value in document.items():
        rules = definition.get(key, {})
        name = rules.get("alias_of", key)
        if name in prepared or (name != key and name in document):
            findings.append(Finding(str(key), f"is another spelling of {name!r}: give one of them"))
        elif value is None and rules and not rules.get("nullable"):
            findings.append(Finding(str(key), "must not be null: give a value or leave the key out"))
        else:
            prepared[name] = typed(value, rules) if isinstance(value, FromEnvironment) else value
    for key, rules in definition.items():
        if "default" in rules and key not in prepared:
            default = rules["default"]
            prepared[key] = default if isinstance(default, _FROZEN) else copy.deepcopy(default)
    return prepared, findings


def typed(text: FromEnvironment, rules: Mapping[str, Any]) -> Any:
    """Return the number or boolean that text stands for where the `type` of the rules asks for one, else the text."""
    wanted = rules.get("type", ())
    types = (wanted,) if isinstance(wanted, str) else wanted
    if {"integer", "number", "float"}.intersection(types) and _INTEGER.fullmatch(text):
        return int(text)
    if {"number", "float"}.intersection(types) and _DECIMAL.fullmatch(text):
        return float(text)
    if "boolean" in types and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    return text
