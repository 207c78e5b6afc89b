"""The description of the Admin API: valid in itself, and complete."""

import re
from typing import Any, cast

import orjson
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from phasegate.admin.desk import Desk
from phasegate.admin.endpoints import Endpoints
from phasegate.admin.explaining import Explaining
from phasegate.admin.kinds import KINDS
from phasegate.admin.openapi import describe
from phasegate.admin.operations import operations, schema_name
from phasegate.admin.shapes import EXAMPLES, HEADERS, PARAMETERS, REFUSALS, SHAPES
from phasegate.explain.live import Live
from phasegate.gateway import Gateway
from phasegate.registry import Registry, installed
from phasegate.schema.published import PublishedSchemas
from phasegate.schema.tables import Schemas

DESCRIPTION = describe(PublishedSchemas(Registry.load(installed())))


def test_the_description_is_openapi_3_1() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DESCRIPTION).iter_errors()] == []


def test_every_endpoint_beside_the_resources_is_described_and_is_there() -> None:
    explaining = Explaining(cast("Gateway", None), cast("Live", None))
    endpoints = Endpoints(cast("Desk", None), Schemas(Registry()), explaining)
    there = {(verb.lower(), f"/{path}") for path, verbs in endpoints.table.items() for verb in verbs}
    others = [operation for operation in operations() if operation.tag not in KINDS]
    assert {(operation.verb, re.sub(r"\{\w+\}", "{}", operation.path)) for operation in others} == there


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation.id for operation in operations()]
    assert len(set(names)) == len(names)


def test_every_parameter_and_shape_is_used() -> None:
    used = set(re.findall(r"#/components/(?:parameters|schemas)/([\w-]+)", str(DESCRIPTION)))
    assert {*PARAMETERS, *SHAPES} - used == set()


def test_every_refusal_and_header_is_used() -> None:
    used = set(re.findall(r"#/components/(?:responses|headers)/([\w-]+)", str(DESCRIPTION)))
    assert {*map(str, REFUSALS), *HEADERS} == used


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.built], ids=lambda kind: str(kind.name))
def test_every_kind_has_its_verbs(kind: Any) -> None:
    verbs = {operation.verb for operation in operations() if operation.tag == kind.name}
    assert verbs == {"get", "put", "patch", "delete", *(("post",) if kind.posts else ())}


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if not kind.built], ids=lambda kind: str(kind.name))
def test_a_kind_that_this_version_has_not_can_be_listed_alone(kind: Any) -> None:
    assert [operation.verb for operation in operations() if operation.tag == kind.name] == ["get"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_valid(name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DESCRIPTION["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(EXAMPLES[name])] == []


def test_secrets_are_marked() -> None:
    key = DESCRIPTION["components"]["schemas"]["ConsumerPlugins"]["properties"]["key-auth"]["properties"]["key"]
    assert key["x-secret"]
    assert key["writeOnly"]


@pytest.mark.parametrize("kind", ["routes", "consumers"])
def test_plugins_are_described_once(kind: str) -> None:
    properties = DESCRIPTION["components"]["schemas"][schema_name(KINDS[kind])]["properties"]
    assert properties["plugins"].keys() == {"$ref", "description"}


def test_the_description_holds_json_alone() -> None:
    assert orjson.loads(orjson.dumps(DESCRIPTION)) == DESCRIPTION
