"""Judging without storing, and what plugins and schemas there are."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.desk import Node, running_node

ROUTE: dict[str, Any] = {"uri": "/x", "upstream": {"nodes": {"127.0.0.1:1": 1}}}


@pytest.fixture(autouse=True)
async def _nothing_is_stored(node: Node) -> AsyncIterator[None]:
    yield
    assert node.desk.proposals == []


@pytest.mark.parametrize("name", ["route", "routes"])
async def test_a_good_resource_validates(node: Node, name: str) -> None:
    response = await node.admin.post(f"/schema/validate/{name}", json=ROUTE)
    assert (response.status_code, response.content) == (200, b"")


async def test_validation_looks_no_reference_up(node: Node) -> None:
    response = await node.admin.post("/schema/validate/routes", json={"uri": "/x", "upstream_id": "later"})
    assert response.status_code == 200


@pytest.mark.parametrize("text", ["$env://NOT_SET", "$file://nowhere", "$secret://vault/1/a/b"])
async def test_a_reference_to_a_value_is_taken_for_some_value(node: Node, text: str) -> None:
    route = {"uri": "/x", "name": text, "upstream": {"nodes": {"127.0.0.1:1": text}, "timeout": {"connect": text}}}
    aws = {"aws-lambda": {"function_uri": text, "authorization": {"apikey": text}}}
    certificate = {"id": "c", "sni": "a.example", "cert": text, "key": text}
    people = [{"username": name, "plugins": {"key-auth": {"key": f"{text}{name}"}}} for name in ("jack", "jill")]
    body = {"routes": [{"id": "1", **route}, {"id": "2", "uri": "/y", "plugins": aws}], "consumers": people}
    response = await node.admin.post("/configs/validate", json={**body, "ssls": [certificate]})
    assert (response.status_code, response.text) == (200, "")


async def test_a_reference_that_is_none_is_refused(node: Node) -> None:
    response = await node.admin.post("/schema/validate/routes", json={**ROUTE, "name": "$env://1 2"})
    assert response.status_code == 400
    assert "names no environment variable" in response.json()["error_msg"]


async def test_a_reference_hides_no_other_mistake(node: Node) -> None:
    response = await node.admin.post("/schema/validate/routes", json={**ROUTE, "name": "$env://X", "priority": "x"})
    assert response.status_code == 400
    assert "priority" in response.json()["error_msg"]


async def test_a_credential_validates(node: Node) -> None:
    good = {"plugins": {"key-auth": {"key": "k"}}}
    for id_ in ({}, {"id": "one.1"}, {"id": "jack/one"}):
        response = await node.admin.post("/schema/validate/credentials", json={**id_, **good})
        assert (response.status_code, response.text) == (200, "")


async def test_a_bad_credential_has_its_place(node: Node) -> None:
    items = [{"id": "good", "plugins": {"key-auth": {"key": "k"}}}, {"id": "b.d", "plugins": {"key-auth": {}}}, 7]
    response = await node.admin.post("/configs/validate", json={"credentials": items})
    assert [(item["resource_type"], item["index"]) for item in response.json()["errors"]] == [
        ("credentials", 2),
        ("credentials", 1),
    ]
    assert "plugin key-auth" in response.json()["errors"][1]["error"]


@pytest.mark.parametrize("kind", ["secrets", "plugin_metadata"])
async def test_an_id_that_tells_the_rules_is_asked_for(node: Node, kind: str) -> None:
    body = {"uri": "http://127.0.0.1:1", "prefix": "kv", "token": "t"}
    response = await node.admin.post(f"/schema/validate/{kind}", json=body)
    assert response.status_code == 400
    assert 'property "id" is required' in response.json()["error_msg"]
    assert "to-be-named" not in response.text


async def test_a_bad_resource_is_told_as_a_write_of_it_would_be(node: Node) -> None:
    response = await node.admin.post("/schema/validate/routes", json={**ROUTE, "plugins": {"nix": {}}, "priority": "x"})
    assert response.status_code == 400
    assert 'property "priority" validation failed' in response.json()["error_msg"]
    assert "unknown plugin [nix]" in response.json()["error_msg"]


async def test_a_kind_that_there_is_not(node: Node) -> None:
    assert (await node.admin.post("/schema/validate/rotues", json={})).status_code == 404


async def test_a_whole_configuration_validates(node: Node) -> None:
    body = {
        "routes": [{"id": "1", **ROUTE}, {"id": 2, "uri": "/y", "upstream_id": "elsewhere"}],
        "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": "k"}}}],
        "routes_conf_version": 7,
    }
    assert (await node.admin.post("/configs/validate", json=body)).status_code == 200


async def test_every_error_of_a_configuration_has_its_place(node: Node) -> None:
    body = {
        "routes": [{"id": "1", **ROUTE}, {"id": "bad", "uri": 5}],
        "consumers": [{"username": "jack", "plugins": {"nix": {}}}],
    }
    response = await node.admin.post("/configs/validate", json=body)
    assert response.status_code == 400
    assert response.json()["error_msg"] == "Configuration validation failed"
    places = {(item["resource_type"], item["index"], item["resource_id"]) for item in response.json()["errors"]}
    assert places == {("routes", 1, "bad"), ("consumers", 0, "jack")}
    assert any(item["error"].startswith('invalid configuration: property "uri"') for item in response.json()["errors"])


async def test_ids_that_stand_twice(node: Node) -> None:
    response = await node.admin.post("/configs/validate", json={"routes": [{"id": "1", **ROUTE}] * 2})
    (error,) = response.json()["errors"]
    assert (error["resource_type"], error["index"], error["resource_id"]) == ("routes", 1, "1")


@pytest.mark.parametrize("body", [{"rotues": []}, {"routes": {}}])
async def test_what_is_no_configuration(node: Node, body: object) -> None:
    response = await node.admin.post("/configs/validate", json=body)
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 1


async def test_plugins_are_listed_by_priority(node: Node) -> None:
    assert (await node.admin.get("/plugins/list")).json() == ["key-auth", "aws-lambda"]


async def test_a_plugin_s_schemas(node: Node) -> None:
    main = (await node.admin.get("/plugins/key-auth")).json()
    consumer = (await node.admin.get("/plugins/key-auth?schema_type=consumer")).json()
    assert "header" in main["properties"]
    assert "key" in consumer["properties"]
    assert (await node.admin.get("/schema/plugins/key-auth")).json() == main


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/plugins/nix", 404),
        ("/schema/plugins/nix", 404),
        ("/plugins/aws-lambda?schema_type=consumer", 400),
        ("/plugins/key-auth?schema_type=nix", 400),
        ("/plugins/key-auth?subsystem=stream", 400),
        ("/schema/rotue", 400),
    ],
)
async def test_schemas_that_there_are_not(node: Node, path: str, status: int) -> None:
    response = await node.admin.get(path)
    assert response.status_code == status
    assert "error_msg" in response.json()


async def test_all_plugins_at_once(node: Node) -> None:
    body = (await node.admin.get("/plugins?all=true")).json()
    assert list(body) == ["key-auth", "aws-lambda"]
    assert body["key-auth"]["priority"] == 2500
    assert body["key-auth"].keys() >= {"schema", "consumer_schema", "version", "type"}


async def test_reload_is_done(node: Node) -> None:
    response = await node.admin.put("/plugins/reload")
    assert (response.status_code, response.text) == (200, "done")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_reload_by_another_method(node: Node, method: str) -> None:
    response = await node.admin.request(method, "/plugins/reload")
    assert (response.status_code, response.headers["allow"]) == (405, "PUT")


@pytest.mark.parametrize("name", ["route", "routes", "plugin_config"])
async def test_the_schema_of_a_kind(node: Node, name: str) -> None:
    schema = (await node.admin.get(f"/schema/{name}")).json()
    assert schema["properties"]["plugins"]["properties"].keys() >= {"key-auth", "aws-lambda"}


async def test_declarative_clients_read_their_lists(node: Node) -> None:
    names = ("services", "routes", "upstreams", "ssls", "consumers", "plugin_configs", "global_rules")
    for name in (*names, "plugin_metadata", "stream_routes"):
        assert (await node.admin.get(f"/{name}")).json() == {"list": [], "total": 0}


async def test_without_a_plugin_there_is_none_to_list() -> None:
    async with running_node(plugins=()) as node:
        assert (await node.admin.get("/plugins/list")).json() == []
