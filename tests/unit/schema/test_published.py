import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from phasegate import ConfigError
from phasegate.registry import Registry
from phasegate.schema.json_schema import JSONSchema
from phasegate.schema.published import DIALECT, PARTS, PublishedSchemas
from phasegate.schema.resources import KINDS, NODE, PLUGIN_META
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from tests.unit.schema.instances import objects, values
from tests.zoo import Witness, variant

REGISTRY = Registry.load(["aws-lambda", "key-auth"])
PUBLISHED = PublishedSchemas(REGISTRY)
KEY_AUTH = REGISTRY.classes["key-auth"]
SCHEMAS = Schemas(Registry([KEY_AUTH]))
NODES = {"127.0.0.1:1": 1}


def told(schema: JSONSchema | None, instance: Any) -> list[str]:
    assert schema is not None
    return [error.message for error in Draft202012Validator(schema).iter_errors(instance)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_valid_json_schema(kind: str) -> None:
    schema = PUBLISHED.kind(kind)
    Draft202012Validator.check_schema(schema)
    assert schema is not None
    assert schema["$schema"] == DIALECT


@pytest.mark.parametrize("name", REGISTRY.classes)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_plugin_has_a_valid_json_schema_or_none(name: str, part: str) -> None:
    schema = PUBLISHED.plugin(name, part)
    if schema is not None:
        Draft202012Validator.check_schema(schema)


def test_only_auth_plugins_have_a_part_on_consumers() -> None:
    assert PUBLISHED.plugin("aws-lambda", "consumer") is None
    assert told(PUBLISHED.plugin("key-auth", "consumer"), {"key": "k"}) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_plugin_that_is_not_enabled_has_no_schema(part: str) -> None:
    assert PUBLISHED.plugin("no-such", part) is None


def test_an_unknown_kind_has_no_schema() -> None:
    assert PUBLISHED.kind("no_such") is None


meta = objects(PLUGIN_META)


def entry(definition: Any) -> Any:
    return st.builds(lambda config, meta: {**config, **meta}, objects(definition), st.just({}) | meta.map(_as_meta))


def _as_meta(value: Any) -> dict[str, Any]:
    return {"_meta": value}


def plugins(definition: Any) -> Any:
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({"key-auth": entry(definition)}),
        st.sampled_from([None, [], "x", {"key-auth": None}, {"unknown": {}}, {"key-auth": {"_meta": None}}]),
    )


nodes = st.one_of(
    st.just(NODES), st.sampled_from([{}, [], "x", {"h": -1}, {"h": True}]), st.lists(objects(NODE), max_size=2)
).filter(lambda value: not isinstance(value, list) or all(_is_plain_host(node) for node in value))


def _is_plain_host(node: Any) -> bool:
    """Leave out hosts whose syntax the schema says nothing of."""
    host = node.get("host") if isinstance(node, dict) else None
    return not isinstance(host, str) or host in ("", "a", "0")


def upstream(definition: Any) -> Any:
    return objects(definition, {"nodes": nodes})


REFERENCE = st.sampled_from(["u", "u", "u", "", "x/y", None, ["u"]])
URI = st.sampled_from(["/a", "/a", "/b/*", "", None, 1])
SPECIAL = {
    "nodes": nodes,
    "upstream": st.one_of(st.just({"nodes": NODES}), upstream(KINDS["routes"]["upstream"]["schema"])),
    **dict.fromkeys(("upstream_id", "service_id", "plugin_config_id"), REFERENCE),
    "uri": URI,
    "uris": st.lists(URI, max_size=2, unique_by=repr),
    "vars": st.sampled_from([[], [["arg_a", "==", "x"]], "x"]),
    # Names in the referenced kinds are taken.
    "id": values(KINDS["routes"]["id"]).filter(lambda value: value not in ("u", 1, 2, 3, -1, -2, -3, 0)),
}
OTHERS: dict[str, list[dict[str, Any]]] = {
    "upstreams": [{"id": "u", "nodes": NODES}],
    "services": [{"id": "u"}],
    "plugin_configs": [{"id": "u", "plugins": {}}],
}


def instances(kind: str) -> Any:
    on_consumer = KEY_AUTH.consumer_schema if kind == "consumers" else KEY_AUTH.schema
    return objects(KINDS[kind], {**SPECIAL, "plugins": plugins(on_consumer)})


INSTANCES = {kind: instances(kind) for kind in KINDS}


def findings(kind: str, instance: Any) -> list[str]:
    document = copy.deepcopy(OTHERS)
    document.setdefault(kind, []).append(instance)
    try:
        Snapshot(document, SCHEMAS)
    except ConfigError as error:
        return [str(finding) for finding in error.findings]
    return []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_kind_takes_and_refuses_what_a_snapshot_does(kind: str, data: st.DataObject) -> None:
    instance = data.draw(INSTANCES[kind])
    ours = findings(kind, {"id": "x", **instance} if "id" in KINDS[kind] else instance)
    theirs = told(PublishedSchemas(SCHEMAS.registry).kind(kind), instance)
    assert bool(ours) == bool(theirs), (ours, theirs)


def test_ids_may_be_numbers_and_may_be_left_out() -> None:
    route = {"id": 1, "uri": "/", "upstream_id": 2}
    assert told(PUBLISHED.kind("routes"), route) == []
    assert told(PUBLISHED.kind("routes"), {"uri": "/"}) == []


def test_credentials_stand_on_consumers_alone() -> None:
    credential = {"key-auth": {"key": "k"}}
    assert told(PUBLISHED.kind("consumers"), {"username": "jack", "plugins": credential}) == []
    assert told(PUBLISHED.kind("routes"), {"uri": "/", "plugins": credential})


def test_a_plugin_schema_that_can_not_be_published_is_refused_when_it_is_loaded() -> None:
    schema = {"mark": {"type": "string", "default": "x", "excludes": "other"}}
    with pytest.raises(ConfigError, match="Variant: mark has the rule 'excludes'"):
        Schemas(Registry([variant(Witness, schema=schema)]))
