"""References between resources: to what is not there, and from what still needs what is to go."""

from typing import Any

import pytest

from tests.desk import FILE, Node, running_node

NODES = {"127.0.0.1:1": 1}
PLUGINS: dict[str, Any] = {"plugins": {"key-auth": {}}}


async def put(node: Node, path: str, body: object) -> None:
    response = await node.admin.put(path, json=body)
    assert response.status_code in (200, 201), response.text


@pytest.mark.parametrize("given", ["7", 7])
@pytest.mark.parametrize(
    ("field", "noun"), [("upstream_id", "upstream"), ("service_id", "service"), ("plugin_config_id", "plugin config")]
)
async def test_a_route_that_refers_to_nothing(node: Node, field: str, noun: str, given: object) -> None:
    response = await node.admin.put("/routes/1", json={"uri": "/x", field: given})
    assert response.status_code == 400
    assert response.json() == {"error_msg": f"failed to fetch {noun} info by {noun} id [7], response code: 404"}


async def test_a_consumer_of_a_group_that_is_not_there(node: Node) -> None:
    response = await node.admin.put("/consumers", json={"username": "jack", "group_id": "g"})
    assert response.status_code == 400
    assert response.json()["error_msg"] == (
        "failed to fetch consumer group info by consumer group id [g], response code: 404"
    )


async def test_a_patch_that_leads_nowhere(node: Node) -> None:
    await put(node, "/routes/1", {"uri": "/x", "upstream": {"nodes": NODES}})
    response = await node.admin.patch("/routes/1", json={"upstream": None, "upstream_id": "7"})
    assert response.json()["error_msg"].startswith("failed to fetch upstream info by upstream id [7]")


@pytest.mark.parametrize(
    ("path", "body", "reference", "noun"),
    [
        ("/upstreams/u", {"nodes": NODES}, {"upstream_id": "u"}, "upstream"),
        ("/services/u", {"upstream": {"nodes": NODES}}, {"service_id": "u"}, "service"),
        ("/plugin_configs/u", PLUGINS, {"plugin_config_id": "u"}, "plugin config"),
    ],
)
async def test_what_a_route_uses_can_t_be_deleted(
    node: Node, path: str, body: object, reference: dict[str, str], noun: str
) -> None:
    await put(node, path, body)
    await put(node, "/routes/1", {"uri": "/x", **reference})
    response = await node.admin.delete(path)
    assert response.status_code == 400
    assert response.json() == {"error_msg": f"can not delete this {noun}, route [1] is still using it now"}
    assert (await node.admin.get(path)).status_code == 200


async def test_an_upstream_that_a_service_uses_can_t_be_deleted(node: Node) -> None:
    await put(node, "/upstreams/u", {"nodes": NODES})
    await put(node, "/services/s", {"upstream_id": "u"})
    response = await node.admin.delete("/upstreams/u")
    assert response.json() == {"error_msg": "can not delete this upstream, service [s] is still using it now"}


async def test_force_deletes_an_upstream_and_its_routes_answer_503(node: Node) -> None:
    await put(node, "/upstreams/u", {"nodes": NODES})
    await put(node, "/routes/1", {"uri": "/x", "upstream_id": "u"})
    response = await node.admin.delete("/upstreams/u", params={"force": "true"})
    assert response.json() == {"deleted": "1", "key": "/apisix/upstreams/u"}
    assert "upstream_id" not in (await node.admin.get("/routes/1")).json()["value"]
    assert (await node.client.get("/x")).status_code == 503


async def test_force_never_opens_a_route_that_a_plugin_guarded(node: Node, target: dict[str, Any]) -> None:
    await put(node, "/plugin_configs/guard", PLUGINS)
    await put(node, "/routes/1", {"uri": "/x", "upstream": target, "plugin_config_id": "guard"})
    assert (await node.client.get("/x")).status_code == 401
    await node.admin.delete("/plugin_configs/guard?force=true")
    assert (await node.client.get("/x")).status_code == 404
    assert (await node.admin.get("/routes/1")).json()["value"]["status"] == 0


async def test_a_reference_out_of_the_file_holds_even_by_force() -> None:
    document = {
        "routes": [{"id": "filed", "uri": "/x", "upstream_id": "u"}],
        "upstreams": [{"id": "u", "nodes": NODES}],
    }
    async with running_node(document) as node:
        await put(node, "/services/s", {"upstream_id": "u"})
        response = await node.admin.delete("/upstreams/u?force=true")
        assert response.status_code == 400
        assert response.json()["error_msg"] == f"upstreams/u is owned by the file {FILE}: change it there"


async def test_what_the_file_owns_is_read_but_not_written() -> None:
    filed = {"id": "1", "uri": "/filed", "upstream": {"nodes": NODES}}
    async with running_node({"routes": [filed]}) as node:
        found = await node.admin.get("/routes/1")
        assert (found.json()["value"], found.headers["x-phasegate-file"]) == (filed, FILE)
        for method in ("PUT", "PATCH", "DELETE"):
            response = await node.admin.request(method, "/routes/1", json={"uri": "/other"})
            assert response.status_code == 400
            assert response.json() == {"error_msg": f"routes/1 is owned by the file {FILE}: change it there"}
        assert node.desk.proposals == []


async def test_the_store_s_routes_may_use_the_file_s_upstreams() -> None:
    async with running_node({"upstreams": [{"id": "u", "nodes": NODES}]}) as node:
        await put(node, "/routes/1", {"uri": "/x", "upstream_id": "u"})
        assert [item["key"] for item in (await node.admin.get("/routes")).json()["list"]] == ["/apisix/routes/1"]
