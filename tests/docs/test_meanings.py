"""Every key that the reference shows says what it means."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from phasegate.registry import Registry, installed
from phasegate.schema.managers import MANAGERS
from phasegate.schema.resources import KINDS, NODE, PLUGIN_META
from phasegate.settings import DEFINITION

PARTS = ("schema", "consumer_schema", "metadata_schema")


def documented() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every definition of a bundled plugin's keys, of the settings and of resources, with a name for it."""
    for name, cls in Registry.load(list(installed())).classes.items():
        for part in PARTS:
            yield f"{name} {part}", getattr(cls, part) or {}
    yield "_meta", PLUGIN_META
    yield "gateway.yaml", DEFINITION
    yield "a node", NODE
    yield from KINDS.items()
    yield from MANAGERS.items()


DOCUMENTED = dict(documented())


def keys(definition: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rules of all keys but other spellings, those inside objects and lists too, each with its path."""
    for key, rules in definition.items():
        if "alias_of" not in rules:
            yield f"{path}{key}", rules
        yield from inside(rules, f"{path}{key}.")


def inside(rules: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the keys of an object, or of the objects that a list or an object holds."""
    if "valuesrules" in rules or rules.get("type") == "list":
        yield from inside(rules.get("valuesrules", rules.get("schema", {})), path)
    elif rules.get("type") == "dict":
        yield from keys(rules.get("schema", {}), path)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_key_has_a_meaning_that_is_a_sentence(name: str) -> None:
    found = dict(keys(DOCUMENTED[name]))
    assert [key for key, rules in found.items() if not re.fullmatch(r"[A-Z0-9`].+\.", rules.get("about", ""))] == []


def test_keys_inside_others_are_asked_too() -> None:
    assert "authorization.iam.assume_role.role_arn" in dict(keys(DOCUMENTED["aws-lambda schema"]))
    assert "listen.tls.cert" in dict(keys(DOCUMENTED["gateway.yaml"]))
    assert dict(inside({"type": "dict", "valuesrules": {"type": "dict", "schema": {"a": {}}}}, "x.")) == {"x.a": {}}
