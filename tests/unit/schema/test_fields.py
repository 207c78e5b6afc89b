from dataclasses import dataclass, field
from typing import Any

from phasegate import Plugin, Secret
from phasegate.schema.fields import binder, disagreements, field_name


@dataclass
class Inner:
    token: Secret
    name: str = "x"


@dataclass
class Outer:
    max_size: int
    log: str
    inner: Inner | None = None
    items: tuple[Inner, ...] = ()
    tags: tuple[str, ...] = field(default=())


DEFINITION: dict[str, dict[str, Any]] = {
    "max-size": {"type": "integer", "required": True},
    "log": {"type": "string", "default": "a"},
    "inner": {
        "type": "dict",
        "schema": {"token": {"type": "string", "secret": True, "required": True}, "name": {"type": "string"}},
    },
    "items": {
        "type": "list",
        "schema": {
            "type": "dict",
            "schema": {"token": {"type": "string", "secret": True, "required": True}, "name": {"type": "string"}},
        },
    },
    "tags": {"type": "list", "schema": {"type": "string"}},
}


def test_keys_become_fields() -> None:
    assert field_name("max-size", Inner) == "max_size"
    assert field_name("name", Inner) == "name"


@dataclass(kw_only=True)
class WithPhase(Plugin):
    log_: str


def test_a_name_that_the_class_or_python_uses_otherwise_gets_an_underscore() -> None:
    assert [field_name(key, WithPhase) for key in ("log", "schema", "async", "plain")] == [
        *("log_", "schema_", "async_", "plain")
    ]


def test_nested_objects_lists_and_secrets_are_bound() -> None:
    bound = binder(Outer, DEFINITION)(
        {"max-size": 3, "log": "b", "inner": {"token": "s"}, "items": [{"token": "t", "name": "n"}], "tags": ["x"]}
    )
    assert bound == Outer(3, "b", Inner(Secret("s")), (Inner(Secret("t"), "n"),), ("x",))
    assert "'s'" not in repr(bound)


def test_what_agrees_has_no_findings() -> None:
    assert list(disagreements(Outer, DEFINITION)) == []


def messages(cls: type, definition: dict[str, dict[str, Any]]) -> list[str]:
    return [str(finding) for finding in disagreements(cls, definition)]


def test_disagreements_are_named_with_their_remedy() -> None:
    @dataclass
    class Wrong:
        extra: int
        optional: str

    found = messages(Wrong, {"missing": {"type": "string", "required": True}, "optional": {"type": "string"}})
    assert sorted(found) == [
        "schema.missing: has no field: add `missing: str` to Wrong",
        "schema.optional: may be left out: give it a default here, or the field 'optional' one",
        "schema: field 'extra' has no key in the schema and no default: add either",
    ]


def test_disagreements_inside_are_found() -> None:
    @dataclass
    class Holder:
        inner: Inner

    found = messages(Holder, {"inner": {"type": "dict", "required": True, "schema": {"name": {"type": "string"}}}})
    assert found == ["schema.inner: field 'token' has no key in the schema and no default: add either"]
