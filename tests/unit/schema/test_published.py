import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from phasegate import ConfigError
from phasegate.registry import Registry, installed
from phasegate.schema.json_schema import JSONSchema
from phasegate.schema.managers import MANAGERS, ManagerSchema
from phasegate.schema.published import DIALECT, PARTS, PublishedSchemas
from phasegate.schema.resources import KINDS, NODE, PLAIN_META, PLUGIN_META, STORED_KINDS
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.store.records import Record
from tests.unit.schema.instances import mostly, objects, values
from tests.zoo import Witness, variant

REGISTRY = Registry.load(installed())
PUBLISHED = PublishedSchemas(REGISTRY)
KEY_AUTH = REGISTRY.classes["key-auth"]
METADATA: dict[str, Any] = {"id": {"type": "string", "allowed": ["teller"]}, "text": {"type": "string"}}
TELLER = variant(Witness, name="teller", metadata_schema={"text": METADATA["text"]})
SCHEMAS = Schemas(Registry([KEY_AUTH, TELLER]))
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


def meta(rules: Any) -> Any:
    return objects(rules, {"filter": st.sampled_from([[["arg_a", "==", "x"]], [], "x"])} if "filter" in rules else {})


def entry(definition: Any) -> Any:
    rules = PLAIN_META if definition is KEY_AUTH.consumer_schema else PLUGIN_META
    given = st.just({}) | meta(rules).map(_as_meta)
    return st.builds(lambda config, meta: {**config, **meta}, objects(definition), given)


def _as_meta(value: Any) -> dict[str, Any]:
    return {"_meta": value}


def plugins(definition: Any) -> Any:
    given = st.fixed_dictionaries({"key-auth": entry(definition)})
    wrong: list[Any] = [{}, None, [], "x", {"key-auth": None}, {"unknown": {}}, {"key-auth": {"_meta": None}}]
    return mostly(given, st.sampled_from(wrong))


nodes = mostly(
    st.just(NODES) | st.lists(objects(NODE), min_size=1, max_size=2),
    st.sampled_from([{}, [], "x", {"h": -1}, {"h": True}]),
).filter(lambda value: not isinstance(value, list) or all(_is_plain_host(node) for node in value))


def _is_plain_host(node: Any) -> bool:
    """Leave out hosts whose syntax the schema says nothing of."""
    host = node.get("host") if isinstance(node, dict) else None
    return not isinstance(host, str) or host == "" or (host.isascii() and host.isalnum())


TLS_RULES = KINDS["upstreams"]["tls"]["schema"]
# Whether text is a certificate no schema can tell.
TLS = objects({key: rules for key, rules in TLS_RULES.items() if key not in ("ca", "client_cert", "client_key")})


def upstream(definition: Any) -> Any:
    return objects(definition, {"nodes": nodes, "tls": TLS})


REFERENCE = mostly(st.just("u"), st.sampled_from(["", "x/y", None, ["u"]]))
URI = mostly(st.sampled_from(["/a", "/b/*"]), st.sampled_from(["", None, 1]))
SPECIAL = {
    "nodes": nodes,
    "tls": TLS,
    "upstream": st.one_of(st.just({"nodes": NODES}), upstream(KINDS["routes"]["upstream"]["schema"])),
    **dict.fromkeys(("upstream_id", "service_id", "plugin_config_id", "group_id"), REFERENCE),
    "uri": URI,
    "uris": st.lists(URI, max_size=2, unique_by=repr),
    "vars": st.sampled_from([[], [["arg_a", "==", "x"]], "x"]),
    # Names in the referenced kinds are taken.
    "id": values(KINDS["routes"]["id"]).filter(lambda value: value != "u" and type(value) is not int),
}
OTHERS: dict[str, list[dict[str, Any]]] = {
    "upstreams": [{"id": "u", "nodes": NODES}],
    "services": [{"id": "u"}],
    "plugin_configs": [{"id": "u", "plugins": {}}],
    "consumer_groups": [{"id": "u", "plugins": {}}],
    "consumers": [{"username": "u"}],
}


def instances(kind: str) -> Any:
    on_consumer = KEY_AUTH.consumer_schema if kind in ("consumers", "credentials") else KEY_AUTH.schema
    special = {**SPECIAL, "plugins": plugins(on_consumer)}
    if kind == "plugin_metadata":
        del special["id"]
    if kind == "consumers":
        special["username"] = values(KINDS[kind]["username"]).filter(lambda name: name != "u")
    definition = METADATA if kind == "plugin_metadata" else KINDS[kind]
    if kind in STORED_KINDS:
        # The id of a record is not asked of its value.
        definition = {key: rules for key, rules in definition.items() if key != "id"}
    for key in ("uri",) if kind == "routes" else ("plugins",) if kind == "credentials" else ():
        definition = {**definition, key: {"required": True}}
    return objects(definition, special)


# Entries of ssls are certificates, and managers have the rules that their ids name.
COMPARED = [kind for kind in KINDS if kind not in ("secrets", "ssls")]
INSTANCES = {kind: instances(kind) for kind in COMPARED}


MANAGER_INSTANCES = {name: objects(rules) for name, rules in MANAGERS.items()}


def findings(kind: str, instance: Any) -> list[str]:
    document, records = copy.deepcopy(OTHERS), {}
    if kind in STORED_KINDS:
        records["credentials", "u/x"] = Record(kind, "u/x", instance, 1, 1)
    else:
        document.setdefault(kind, []).append(instance)
    try:
        Snapshot(document, SCHEMAS, records=records)
    except ConfigError as error:
        return [str(finding) for finding in error.findings]
    return []


@pytest.mark.parametrize("kind", COMPARED)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_kind_takes_and_refuses_what_a_snapshot_does(kind: str, data: st.DataObject) -> None:
    instance = data.draw(INSTANCES[kind])
    name = "teller" if kind == "plugin_metadata" else "x"
    ours = findings(kind, {"id": name, **instance} if "id" in KINDS[kind] else instance)
    theirs = told(PublishedSchemas(SCHEMAS.registry).kind(kind), instance)
    assert bool(ours) == bool(theirs), (ours, theirs)


@pytest.mark.parametrize("name", MANAGERS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_manager_of_secrets_is_judged_by_the_rules_of_its_kind(name: str, data: st.DataObject) -> None:
    instance = {"id": f"{name}/1", **data.draw(MANAGER_INSTANCES[name])}
    ours, theirs = ManagerSchema().validate(instance)[1], told(PUBLISHED.kind("secrets"), instance)
    assert bool(ours) == bool(theirs), (ours, theirs)


def test_ids_may_be_numbers_and_may_be_left_out() -> None:
    route = {"id": 1, "uri": "/", "upstream_id": 2}
    assert told(PUBLISHED.kind("routes"), route) == []
    assert told(PUBLISHED.kind("routes"), {"uri": "/"}) == []


def test_credentials_stand_on_consumers_alone() -> None:
    credential = {"key-auth": {"key": "k"}}
    assert told(PUBLISHED.kind("consumers"), {"username": "jack", "plugins": credential}) == []
    assert told(PUBLISHED.kind("routes"), {"uri": "/", "plugins": credential})


@pytest.mark.parametrize("attribute", ["schema", "metadata_schema"])
def test_a_plugin_schema_that_can_not_be_published_is_refused_when_it_is_loaded(attribute: str) -> None:
    schema = {"mark": {"type": "string", "default": "x", "excludes": "other"}}
    with pytest.raises(ConfigError, match="Variant: mark has the rule 'excludes'"):
        Schemas(Registry([variant(Witness, **{attribute: schema})]))


def test_what_stands_in_for_a_kinds_own_rules_keeps_its_meaning() -> None:
    schema = PUBLISHED.kind("routes")
    assert schema is not None
    properties = schema["properties"]
    assert properties["plugins"]["description"] == "Plugins by name, each with its configuration."
    assert properties["upstream"]["properties"]["nodes"]["description"].startswith("Where requests go")
