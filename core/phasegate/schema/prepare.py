"""What happens to a document before cerberus sees it: aliases, nulls, and text from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..environment import FromEnvironment
from ..errors import Finding

Definition = Mapping[str, Mapping[str, Any]]

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}


def prepare(document: Mapping[Any, Any], definition: Definition) -> tuple[dict[Any, Any], list[Finding]]:
    """Return a copy of the document that cerberus can judge, and what it could not have seen.

    A key spelt by its alias gets its name, and both at once are an error; text from the environment becomes the number
    or boolean that its key asks for; `null` is an error unless the key is nullable, where cerberus would put the default.
    """
    findings: list[Finding] = []
    return _mapping(document, definition, "", findings), findings


def _mapping(document: Mapping[Any, Any], definition: Definition, path: str, findings: list[Finding]) -> dict[Any, Any]:
    prepared: dict[Any, Any] = {}
    for key, value in document.items():
        rules = definition.get(key, {}) if isinstance(key, str) else {}
        name = rules.get("alias_of", key)
        here = f"{path}.{key}" if path else str(key)
        if name in prepared or (name != key and name in document):
            findings.append(Finding(here, f"is another spelling of {name!r}: give one of them"))
            continue
        prepared[name] = _value(value, rules, here, findings)
    return prepared


def _value(value: Any, rules: Mapping[str, Any], path: str, findings: list[Finding]) -> Any:
    if value is None:
        if rules and not rules.get("nullable"):
            findings.append(Finding(path, "must not be null: give a value or leave the key out"))
        return None
    if isinstance(value, FromEnvironment):
        return _typed(value, rules)
    if isinstance(value, dict):
        return _children(value, rules, path, findings)
    if isinstance(value, list):
        item_rules = rules.get("schema", {})
        return [_value(item, item_rules, f"{path}[{index}]", findings) for index, item in enumerate(value)]
    return value


def _children(value: dict[Any, Any], rules: Mapping[str, Any], path: str, findings: list[Finding]) -> dict[Any, Any]:
    if "valuesrules" in rules:
        return {key: _value(item, rules["valuesrules"], f"{path}.{key}", findings) for key, item in value.items()}
    return _mapping(value, rules.get("schema", {}), path, findings)


def _typed(text: FromEnvironment, rules: Mapping[str, Any]) -> Any:
    wanted = rules.get("type", ())
    types = (wanted,) if isinstance(wanted, str) else wanted
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "boolean" in types and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    return text
