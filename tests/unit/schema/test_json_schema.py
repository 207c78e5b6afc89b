from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from phasegate.limits import RULES
from phasegate.registry import Registry, installed
from phasegate.schema import Schema
from phasegate.schema.json_schema import json_schema
from phasegate.schema.resources import KINDS, NODE, PLUGIN_META
from phasegate.settings import DEFINITION
from tests.unit.schema.instances import objects

Definition = dict[str, dict[str, Any]]

NEEDED: Definition = {
    "needed": {"type": "string", "required": True},
    "needless": {"type": "string", "required": True, "default": "x"},
}
LACKING: Definition = {
    "lacking": {"type": "dict", "default": {}, "schema": {"inner": {"type": "string", "required": True}}}
}
SPELLINGS: Definition = {
    "key": {"type": "string", "secret": True, "required": True},
    "kee": {"type": "string", "alias_of": "key"},
    "cay": {"type": "string", "alias_of": "key"},
    "word": {"type": "string"},
    "wort": {"type": "string", "alias_of": "word"},
}
RULES_OF_EACH_KIND: Definition = {
    "count": {"type": "integer", "min": 1, "max": 3},
    "either": {"type": ["integer", "string"], "anyof": [{"type": "integer", "min": 2}, {"type": "string"}]},
    "one": {"type": "integer", "oneof": [{"min": 2}, {"max": 2}]},
    "none": {"type": "integer", "noneof": [{"min": 2}, {"max": 0}]},
    "all": {"type": "integer", "allof": [{"min": 0}, {"max": 2}]},
    "choice": {"type": "string", "allowed": ["a", "b"], "nullable": True},
    "choices": {"type": "list", "allowed": ["a", "b"], "minlength": 1, "maxlength": 2},
    "later": {"available": []},
    "kind": {"type": "string", "available": ["a"]},
    "whatever": {},
    "full": {"type": "list", "empty": False},
    "code": {"type": "string", "regex": "[a-c]+|x", "minlength": 1, "maxlength": 4, "empty": False},
    "null": {"type": "dict", "nullable": True, "schema": {"a": {"type": "string"}}},
    "nulls": {"type": "list", "nullable": True, "schema": {"type": "string", "nullable": True}},
    "map": {"type": "dict", "keysrules": {"type": "string", "regex": "[a-z]+"}, "valuesrules": {"type": "integer"}},
    "url": {"type": "string", "format": "url"},
    "address": {"type": "string", "format": "address"},
    "network": {"type": "string", "format": "network"},
    "value": {"type": "string", "format": "header-value"},
}

PLUGINS = Registry.load(installed()).classes
DEFINITIONS = {
    "needed": NEEDED,
    "lacking": LACKING,
    "spellings": SPELLINGS,
    "rules": RULES_OF_EACH_KIND,
    "settings": DEFINITION,
    "limits": RULES,
    "node": NODE,
    "_meta": PLUGIN_META,
    **KINDS,
    **{name: cls.schema for name, cls in PLUGINS.items()},
    **{f"{name} on a consumer": cls.consumer_schema for name, cls in PLUGINS.items() if cls.consumer_schema},
}
INSTANCES = {name: objects(definition) for name, definition in DEFINITIONS.items()}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_becomes_a_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(json_schema(DEFINITIONS[name]))


@pytest.mark.parametrize("name", DEFINITIONS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_json_schema_takes_and_refuses_what_our_own_does(name: str, data: st.DataObject) -> None:
    definition = DEFINITIONS[name]
    instance = data.draw(INSTANCES[name])
    findings = [str(finding) for finding in Schema(definition).validate(instance)[1]]
    told = [error.message for error in Draft202012Validator(json_schema(definition)).iter_errors(instance)]
    assert bool(findings) == bool(told), (findings, told)


def converted(rules: dict[str, Any]) -> Any:
    return json_schema({"key": rules})["properties"]["key"]


@pytest.mark.parametrize(
    ("rules", "schema"),
    [
        ({"type": "string", "secret": True}, {"type": "string", "writeOnly": True, "x-secret": True}),
        ({"type": "integer", "default": 3}, {"type": "integer", "default": 3}),
        (
            {"type": "string", "regex": "[a-z]", "meta": {"expected": "a letter"}},
            {"type": "string", "pattern": "^[a-z]$", "description": "a letter"},
        ),
        ({"type": "integer", "about": "How many."}, {"type": "integer", "description": "How many."}),
        (
            {"type": "string", "regex": "[a-z]", "about": "Which one.", "meta": {"expected": "a letter"}},
            {"type": "string", "pattern": "^[a-z]$", "description": "Which one. Must be a letter"},
        ),
        (
            {"type": "string", "format": "header-value", "about": "What is sent."},
            {
                "type": "string",
                "pattern": "^[!-~]([ -~]*[!-~])?$",
                "description": "What is sent. Must be visible ASCII, without spaces around it",
            },
        ),
        ({"type": ["dict", "list"]}, {"type": ["object", "array"]}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "available": ["a"]}, {"type": "string", "enum": ["a"]}),
    ],
)
def test_rules_get_their_words(rules: dict[str, Any], schema: Any) -> None:
    assert converted(rules) == schema


def test_a_key_that_this_version_has_not_is_no_property() -> None:
    assert json_schema({"later": {"available": []}}) == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


def test_an_alias_says_what_it_stands_for() -> None:
    schema = json_schema({"key": {"type": "string"}, "kee": {"type": "string", "alias_of": "key"}})
    assert schema["properties"]["kee"]["description"] == "another spelling of key"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"dependencies": "other"}, "key has the rule 'dependencies', for which JSON Schema has no word"),
        ({"type": "dict", "schema": {"a": {"items": []}}}, "key.a has the rule 'items'"),
        ({"type": "list", "schema": {"contains": 1}}, r"key\[\] has the rule 'contains'"),
        ({"anyof": [{"excludes": "x"}]}, "key.anyof has the rule 'excludes'"),
        ({"type": "datetime"}, "key has the type 'datetime'"),
        ({"type": "string", "min": "a"}, "key has the limit 'a'"),
        ({"type": "string", "empty": True}, "key has `empty: True`"),
        ({"type": ["list", "string"], "allowed": ["a"]}, "key has `allowed` and may be a list or an object"),
        ({"type": "string", "regex": r"\A[a-z]"}, "key has the pattern .* in Python alone"),
        ({"type": "string", "regex": r"[\U0001f600]"}, "key has the pattern"),
        ({"type": "string", "regex": "(?i)a"}, "key has the pattern"),
        ({"type": "string", "regex": "a++"}, "key has the pattern"),
    ],
)
def test_what_json_schema_can_not_say_is_named(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        json_schema({"key": rules})


@pytest.mark.parametrize("regex", [r"\\A", "(?:a|b)", "(?=a)", "(?<=a)b", "[a-z]+[0-9]?", r"\[\]"])
def test_patterns_that_both_understand_are_taken(regex: str) -> None:
    assert converted({"type": "string", "regex": regex})["pattern"].strip("^$").startswith(("(?:", regex))


def test_a_schema_is_new_each_time() -> None:
    definition: Definition = {"a": {"type": "list", "default": [], "allowed": ["x"]}}
    json_schema(definition)["properties"]["a"]["default"].append("y")
    assert json_schema(definition)["properties"]["a"]["default"] == []
