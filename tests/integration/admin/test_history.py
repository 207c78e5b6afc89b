"""Revisions: who did what and when, and the way back."""

import time
from typing import Any

import pytest

from tests.desk import Node

ROUTE: dict[str, Any] = {"uri": "/hello", "upstream": {"nodes": {"127.0.0.1:1": 1}}}


async def named(node: Node, name: str) -> None:
    assert (await node.admin.put("/routes/1", json={**ROUTE, "name": name})).status_code in (200, 201)


async def test_revisions_tell_what_changed_the_newest_first(node: Node) -> None:
    begun = time.time()
    await named(node, "a")
    await named(node, "b")
    await node.admin.delete("/routes/1")
    body = (await node.viewer.get("/revisions")).json()
    assert body["revision"] == 3
    assert [item["number"] for item in body["list"]] == [3, 2, 1]
    assert [item["changes"][0]["action"] for item in body["list"]] == ["delete", "update", "create"]
    first = body["list"][-1]
    assert (first["author"], first["note"]) == ("ops", "PUT /apisix/admin/routes/1")
    assert first["changes"] == [{"action": "create", "key": "/apisix/routes/1"}]
    assert begun <= first["time"] <= time.time()


async def test_a_list_tells_the_first_changes_of_a_large_revision_and_how_many_there_are(node: Node) -> None:
    writes = [{"kind": "routes", "id": str(number), "value": {**ROUTE, "uri": f"/{number}"}} for number in range(120)]
    assert (await node.admin.post("/changes", json={"writes": writes})).status_code == 200
    (item,) = (await node.admin.get("/revisions")).json()["list"]
    assert (len(item["changes"]), item["total"]) == (20, 120)
    changes = (await node.admin.get("/revisions/1")).json()["changes"]
    assert [change["after"]["uri"] for change in changes] == [f"/{number}" for number in range(120)]


async def test_revisions_come_in_pages(node: Node) -> None:
    for name in "abcd":
        await named(node, name)
    body = (await node.admin.get("/revisions?before=4&limit=2")).json()
    assert [item["number"] for item in body["list"]] == [3, 2]


async def test_a_revision_shows_before_and_after(node: Node) -> None:
    await named(node, "a")
    await named(node, "b")
    (change,) = (await node.admin.get("/revisions/2")).json()["changes"]
    assert (change["before"]["name"], change["after"]["name"]) == ("a", "b")


async def test_a_revision_masks_secrets_for_everybody(node: Node) -> None:
    await node.admin.put("/consumers", json={"username": "jack", "plugins": {"key-auth": {"key": "a-secret"}}})
    response = await node.admin.get("/revisions/1")
    assert response.json()["changes"][0]["after"]["plugins"] == {"key-auth": {"key": "***"}}


@pytest.mark.parametrize("path", ["/revisions/9", "/revisions/x", "/revisions/0"])
async def test_no_such_revision(node: Node, path: str) -> None:
    await named(node, "a")
    assert (await node.admin.get(path)).status_code == 404


async def test_a_rollback_is_a_new_revision_with_the_old_state(node: Node) -> None:
    await named(node, "a")
    await node.admin.put("/routes/2", json={**ROUTE, "uri": "/two"})
    await named(node, "b")
    await node.admin.delete("/routes/1")
    response = await node.admin.post("/revisions/1/rollback")
    assert response.status_code == 200
    assert response.json()["revision"] == 5
    assert {item["key"]: item["action"] for item in response.json()["changes"]} == {
        "/apisix/routes/1": "create",
        "/apisix/routes/2": "delete",
    }
    assert (await node.admin.get("/routes/1")).json()["value"]["name"] == "a"
    assert (await node.admin.get("/revisions")).json()["list"][0]["note"] == "rollback to revision 1"


async def test_a_rollback_restores_secrets(node: Node, target: dict[str, object]) -> None:
    await node.admin.put("/consumers", json={"username": "jack", "plugins": {"key-auth": {"key": "a-secret"}}})
    await node.admin.delete("/consumers/jack")
    await node.admin.post("/revisions/1/rollback")
    found = (await node.admin.get("/consumers/jack")).json()
    assert found["value"]["plugins"]["key-auth"]["key"] == "a-secret"


async def test_a_rollback_to_the_beginning(node: Node) -> None:
    await named(node, "a")
    assert (await node.admin.post("/revisions/0/rollback")).json()["revision"] == 2
    assert (await node.admin.get("/routes")).json()["total"] == 0


async def test_a_rollback_to_the_present_changes_nothing(node: Node) -> None:
    await named(node, "a")
    assert (await node.admin.post("/revisions/1/rollback")).json() == {"revision": 1, "changes": []}


async def test_a_dry_rollback_changes_nothing(node: Node) -> None:
    await named(node, "a")
    await named(node, "b")
    response = await node.admin.post("/revisions/1/rollback?dry_run=1")
    assert [item["action"] for item in response.json()["changes"]] == ["update"]
    assert node.desk.view.revision == 2


async def test_no_way_back_past_what_is_kept(node: Node) -> None:
    for name in "abc":
        await named(node, name)
    node.desk.forget(1)
    assert (await node.admin.post("/revisions/1/rollback")).status_code == 404
    assert (await node.admin.post("/revisions/2/rollback")).status_code == 200


async def test_no_way_forward(node: Node) -> None:
    assert (await node.admin.post("/revisions/7/rollback")).status_code == 404


async def test_a_rollback_brings_back_what_records_need_of_each_other(node: Node) -> None:
    await node.admin.put("/upstreams/u", json=ROUTE["upstream"])
    await node.admin.put("/routes/1", json={"uri": "/x", "upstream_id": "u"})
    await node.admin.delete("/routes/1")
    await node.admin.delete("/upstreams/u")
    assert (await node.admin.post("/revisions/2/rollback")).status_code == 200
    assert (await node.admin.get("/routes/1")).json()["value"]["upstream_id"] == "u"
    assert (await node.client.get("/x")).status_code == 502


async def test_history_needs_the_store(node: Node) -> None:
    node.desk.available = False
    assert (await node.admin.get("/revisions")).status_code == 503


@pytest.mark.parametrize(
    ("header", "tag", "status"),
    [
        ("if-match", '"2"', 200),
        ("if-match", '"1"', 412),
        ("if-match", "2", 400),
        ("if-none-match", '"1"', 200),
        ("if-none-match", '"2"', 412),
    ],
)
async def test_a_rollback_asks_for_the_revision_of_the_whole_store(
    node: Node, header: str, tag: str, status: int
) -> None:
    await named(node, "a")
    await named(node, "b")
    assert (await node.admin.post("/revisions/1/rollback", headers={header: tag})).status_code == status
    assert node.desk.view.revision == (3 if status == 200 else 2)
