"""Every verb on a resource: statuses, envelopes, and what is served after it."""

import time
from typing import Any

import pytest

from tests.desk import Node

NODES = {"127.0.0.1:1": 1}
ROUTE: dict[str, Any] = {"uri": "/hello", "upstream": {"type": "roundrobin", "nodes": NODES}}


async def test_put_makes_a_resource_that_is_served_at_once(node: Node, target: dict[str, object]) -> None:
    made = await node.admin.put("/routes/1", json={"uri": "/hello", "upstream": target})
    assert made.status_code == 201
    assert (await node.client.get("/hello")).status_code == 200


async def test_put_answers_with_the_key_and_the_value_as_it_was_sent(node: Node) -> None:
    before = int(time.time())
    body = (await node.admin.put("/routes/1", json=ROUTE)).json()
    assert body.keys() == {"key", "value"}
    assert body["key"] == "/apisix/routes/1"
    times = {name: body["value"].pop(name) for name in ("create_time", "update_time")}
    assert body["value"] == {**ROUTE, "id": "1"}
    assert all(before <= moment <= time.time() for moment in times.values())


async def test_a_second_put_replaces_and_keeps_the_time_of_the_first(node: Node) -> None:
    first = (await node.admin.put("/routes/1", json={**ROUTE, "name": "first"})).json()["value"]
    second = await node.admin.put("/routes/1", json=ROUTE)
    assert second.status_code == 200
    assert "name" not in second.json()["value"]
    assert second.json()["value"]["create_time"] == first["create_time"]


async def test_answers_are_compact_json_with_a_newline_and_a_version(node: Node) -> None:
    response = await node.admin.put("/routes/1", json=ROUTE)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-api-version"] == "v3"
    assert response.headers["server"].startswith("Phasegate/")
    assert response.text.startswith('{"key":"/apisix/routes/1","value":{"uri":')
    assert response.text.endswith("}}\n")


@pytest.mark.parametrize("given", [1, "1"])
async def test_put_takes_the_id_from_the_body_as_number_or_text(node: Node, given: object) -> None:
    response = await node.admin.put("/routes", json={**ROUTE, "id": given})
    assert (response.status_code, response.json()["value"]["id"]) == (201, "1")


async def test_post_makes_up_an_id(node: Node) -> None:
    first, second = [await node.admin.post("/routes", json=ROUTE) for _ in range(2)]
    ids = [response.json()["value"]["id"] for response in (first, second)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert ids[0] != ids[1]
    assert first.json()["key"] == f"/apisix/routes/{ids[0]}"
    assert (await node.admin.get(f"/routes/{ids[0]}")).status_code == 200


async def test_get_answers_with_the_revisions_that_made_and_changed_it(node: Node) -> None:
    for name in ("a", "b"):
        await node.admin.put("/upstreams/other", json={"nodes": NODES})
        await node.admin.put("/routes/1", json={**ROUTE, "name": name})
    body = (await node.admin.get("/routes/1")).json()
    assert body.keys() == {"key", "value", "createdIndex", "modifiedIndex"}
    assert (body["key"], body["createdIndex"], body["modifiedIndex"]) == ("/apisix/routes/1", 2, 4)
    assert body["value"]["name"] == "b"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_what_is_not_there_is_404(node: Node, method: str) -> None:
    response = await node.admin.request(method, "/routes/none", json={"name": "x"})
    assert (response.status_code, response.json()) == (404, {"message": "Key not found"})


async def test_patch_merges_and_null_removes(node: Node) -> None:
    await node.admin.put("/routes/1", json={**ROUTE, "name": "x", "labels": {"a": "1", "b": "2"}})
    patch = {"name": None, "labels": {"b": None, "c": "3"}, "desc": "new"}
    response = await node.admin.patch("/routes/1", json=patch)
    assert response.status_code == 200
    value = response.json()["value"]
    assert "name" not in value
    assert (value["labels"], value["desc"], value["uri"]) == ({"a": "1", "c": "3"}, "new", "/hello")


async def test_patch_of_a_sub_path_replaces_what_is_there(node: Node) -> None:
    await node.admin.put("/routes/1", json={**ROUTE, "methods": ["GET"]})
    await node.admin.patch("/routes/1/methods", json=["PUT", "POST"])
    await node.admin.patch("/routes/1/upstream/nodes", json={"127.0.0.1:2": 3})
    await node.admin.patch("/routes/1/plugins", json={"key-auth": {}})
    value = (await node.admin.get("/routes/1")).json()["value"]
    assert value["methods"] == ["PUT", "POST"]
    assert value["upstream"]["nodes"] == {"127.0.0.1:2": 3}
    assert value["plugins"] == {"key-auth": {}}


async def test_patch_of_a_path_through_a_text_is_refused(node: Node) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    response = await node.admin.patch("/routes/1/uri/deeper", json=1)
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("invalid sub-path: /uri/deeper")


async def test_what_a_patch_results_in_is_judged(node: Node) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    response = await node.admin.patch("/routes/1", json={"uri": None})
    assert response.status_code == 400
    assert 'property "uri"' in response.json()["error_msg"]
    assert (await node.admin.get("/routes/1")).json()["value"]["uri"] == "/hello"


async def test_delete_says_what_went_and_serves_it_no_longer(node: Node, target: dict[str, object]) -> None:
    await node.admin.put("/routes/1", json={"uri": "/hello", "upstream": target})
    response = await node.admin.delete("/routes/1")
    assert (response.status_code, response.json()) == (200, {"deleted": "1", "key": "/apisix/routes/1"})
    assert (await node.client.get("/hello")).json() == {"error_msg": "404 Route Not Found"}


@pytest.mark.parametrize("name", ["routes", "services", "upstreams", "consumers", "plugin_configs", "global_rules"])
async def test_an_empty_list_is_a_list(node: Node, name: str) -> None:
    assert (await node.admin.get(f"/{name}")).text == '{"list":[],"total":0}\n'


async def test_head_is_get_without_the_body(node: Node) -> None:
    response = await node.admin.head("/routes")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == '"0"'


async def test_head_of_the_api_itself_needs_no_key(node: Node) -> None:
    assert (await node.stranger.head("")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
async def test_an_unknown_kind_is_404(node: Node, method: str) -> None:
    response = await node.admin.request(method, "/rotues/1", json={})
    assert (response.status_code, response.json()) == (404, {"error_msg": "Unsupported resource type: rotues"})


@pytest.mark.parametrize("name", ["stream_routes", "protos"])
async def test_kinds_that_are_not_built_read_as_empty_and_can_t_be_written(node: Node, name: str) -> None:
    assert (await node.admin.get(f"/{name}")).json() == {"list": [], "total": 0}
    assert (await node.admin.get(f"/{name}/1")).status_code == 404
    response = await node.admin.put(f"/{name}/1", json={})
    assert response.status_code == 400
    assert response.json() == {"error_msg": f"{name} are not supported in this version"}
