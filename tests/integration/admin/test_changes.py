"""Many writes as one revision."""

from typing import Any

import pytest

from tests.desk import Node

NODES = {"127.0.0.1:1": 1}
UPSTREAM = {"kind": "upstreams", "id": "u", "value": {"nodes": NODES}}
ROUTE = {"kind": "routes", "id": "1", "value": {"uri": "/x", "upstream_id": "u"}}


async def change(node: Node, *writes: dict[str, Any], **extra: Any) -> dict[str, Any]:
    response = await node.admin.post("/changes", json={"writes": list(writes), **extra})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_writes_that_need_each_other_become_one_revision(node: Node) -> None:
    body = await change(node, ROUTE, UPSTREAM, note="both at once")
    assert body["revision"] == 1
    assert {item["key"] for item in body["changes"]} == {"/apisix/routes/1", "/apisix/upstreams/u"}
    assert (await node.admin.get("/revisions/1")).json()["note"] == "both at once"


async def test_null_deletes_and_what_is_gone_already_is_no_change(node: Node) -> None:
    await change(node, ROUTE, UPSTREAM)
    gone = [{**item, "value": None} for item in (ROUTE, UPSTREAM)]
    assert [item["action"] for item in (await change(node, *gone))["changes"]] == ["delete", "delete"]
    assert await change(node, *gone) == {"revision": 2, "changes": []}


async def test_the_same_change_twice_is_one_revision(node: Node) -> None:
    await change(node, ROUTE, UPSTREAM)
    assert await change(node, ROUTE, UPSTREAM) == {"revision": 1, "changes": []}


async def test_one_mistake_stops_everything(node: Node) -> None:
    bad = {"kind": "routes", "id": "2", "value": {"uri": "/y", "upstream_id": "nowhere"}}
    response = await node.admin.post("/changes", json={"writes": [ROUTE, UPSTREAM, bad]})
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith(
        "routes/2: failed to fetch upstream info by upstream id [nowhere], response code: 404"
    )
    assert node.desk.view.revision == 0


async def test_a_dry_run_tells_what_would_change(node: Node) -> None:
    response = await node.admin.post("/changes?dry_run=1", json={"writes": [UPSTREAM]})
    assert response.json()["changes"] == [{"action": "create", "key": "/apisix/upstreams/u"}]
    assert node.desk.view.revision == 0


async def test_if_match_is_about_the_whole_store(node: Node) -> None:
    await change(node, UPSTREAM)
    body = {"writes": [ROUTE]}
    old = await node.admin.post("/changes", json=body, headers={"if-match": '"0"'})
    new = await node.admin.post("/changes", json=body, headers={"if-match": '"1"'})
    assert (old.status_code, new.status_code) == (412, 200)


async def test_a_mask_keeps_the_stored_secret(node: Node) -> None:
    jack = {"kind": "consumers", "id": "jack", "value": {"username": "jack", "plugins": {"key-auth": {"key": "k-1"}}}}
    masked = {**jack, "value": {"username": "jack", "plugins": {"key-auth": {"key": "***"}}}}
    await change(node, jack)
    assert await change(node, masked) == {"revision": 1, "changes": []}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, 'property "writes" must be a list'),
        ({"writes": [], "nota": ""}, 'property "nota" is not known here'),
        ({"writes": [], "note": 5}, 'property "note" must be a text'),
        ({"writes": [{"kind": "routes", "id": "1"}]}, 'property "writes[0]" must hold kind, id and value'),
        ({"writes": [{**ROUTE, "kind": "rotues"}]}, 'property "writes[0].kind": Unsupported resource type: rotues'),
        ({"writes": [{**ROUTE, "id": 1}]}, 'property "writes[0]" needs a text as id'),
        ({"writes": [ROUTE, ROUTE]}, "routes/1 is written twice"),
        ({"writes": [{**ROUTE, "value": {"id": "2"}}]}, "writes[0]: wrong route id"),
    ],
)
async def test_what_is_no_list_of_writes(node: Node, body: object, reason: str) -> None:
    response = await node.admin.post("/changes", json=body)
    assert response.status_code == 400
    assert reason in response.json()["error_msg"]


async def test_every_reason_is_told_with_its_resource(node: Node) -> None:
    writes = [
        {"kind": "consumers", "id": name, "value": {"username": name, "plugins": {"key-auth": {"key": "***"}}}}
        for name in ("jack", "jill")
    ]
    response = await node.admin.post("/changes", json={"writes": writes})
    assert response.status_code == 400
    reasons = response.json()["error_msg"].split("; consumers/jill: ")
    assert reasons[0].startswith("consumers/jack: ")
    assert "no secret is stored here" in reasons[1]


async def test_details_tell_what_differs_without_secrets(node: Node) -> None:
    jack = {"kind": "consumers", "id": "jack", "value": {"username": "jack", "plugins": {"key-auth": {"key": "k-1"}}}}
    await change(node, jack, UPSTREAM)
    other = {**jack, "value": {"username": "jack", "plugins": {"key-auth": {"key": "k-2"}}}}
    body = {"writes": [other, {**UPSTREAM, "value": None}]}
    response = await node.admin.post("/changes?dry_run=1&details=1", json=body)
    masked = {"username": "jack", "plugins": {"key-auth": {"key": "***"}}}
    assert response.json()["changes"] == [
        {
            "action": "update",
            "key": "/apisix/consumers/jack",
            "kind": "consumers",
            "id": "jack",
            "before": masked,
            "after": masked,
            "differences": [["plugins", "key-auth", "key"]],
        },
        {
            "action": "delete",
            "key": "/apisix/upstreams/u",
            "kind": "upstreams",
            "id": "u",
            "before": {"nodes": NODES, "id": "u"},
            "after": None,
            "differences": [],
        },
    ]


async def test_true_in_the_place_of_1_is_a_change(node: Node) -> None:
    """It is one that the schema refuses, as it does where nothing stood before."""
    await change(node, UPSTREAM)
    wish = {**UPSTREAM, "value": {"nodes": {"127.0.0.1:1": True}}}
    response = await node.admin.post("/changes", json={"writes": [wish]})
    assert response.status_code == 400
    assert "nodes" in response.json()["error_msg"]


async def test_another_order_of_keys_is_no_change(node: Node) -> None:
    await change(node, {**UPSTREAM, "value": {"nodes": NODES, "name": "n"}})
    reordered = {**UPSTREAM, "value": {"name": "n", "nodes": NODES}}
    assert await change(node, reordered) == {"revision": 1, "changes": []}
