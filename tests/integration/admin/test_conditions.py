"""Entity tags, preconditions, dry runs, and others who change the same at the same time."""

import asyncio
from typing import Any

import pytest

from phasegate.admin.desk import Proposal
from phasegate.store.records import Write
from tests.desk import Node

ROUTE: dict[str, Any] = {"uri": "/hello", "upstream": {"nodes": {"127.0.0.1:1": 1}}}


async def test_a_resource_s_tag_is_the_revision_that_changed_it(node: Node) -> None:
    made = await node.admin.put("/routes/1", json=ROUTE)
    await node.admin.put("/routes/2", json=ROUTE)
    assert made.headers["etag"] == '"1"'
    assert (await node.admin.get("/routes/1")).headers["etag"] == '"1"'
    assert (await node.admin.get("/routes")).headers["etag"] == '"2"'


@pytest.mark.parametrize(
    ("method", "tag", "status"),
    [
        ("PUT", '"1"', 200),
        ("PUT", '"0", "1"', 200),
        ("PUT", "*", 200),
        ("PUT", '"0"', 412),
        ("PUT", 'W/"1"', 412),
        ("PUT", "1", 400),
        ("PATCH", '"1"', 200),
        ("PATCH", '"2"', 412),
        ("DELETE", '"1"', 200),
        ("DELETE", '"9"', 412),
    ],
)
async def test_if_match_holds_for_the_present_tag_alone(node: Node, method: str, tag: str, status: int) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    response = await node.admin.request(method, "/routes/1", json=ROUTE, headers={"if-match": tag})
    assert response.status_code == status
    assert node.desk.view.revision == (2 if status == 200 else 1)


async def test_if_match_makes_nothing(node: Node) -> None:
    response = await node.admin.put("/routes/1", json=ROUTE, headers={"if-match": "*"})
    assert response.status_code == 412
    assert "error_msg" in response.json()


async def test_if_none_match_makes_and_never_replaces(node: Node) -> None:
    answers = [await node.admin.put("/routes/1", json=ROUTE, headers={"if-none-match": "*"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 412]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_who_asks_for_no_state_tries_again_after_a_conflict(node: Node, method: str) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    node.desk.conflicts = 3
    assert (await node.admin.request(method, "/routes/1", json=ROUTE)).status_code == 200


async def test_who_asks_for_a_state_hears_of_a_conflict(node: Node) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    node.desk.conflicts = 1
    response = await node.admin.put("/routes/1", json=ROUTE, headers={"if-match": '"1"'})
    assert response.status_code == 412


async def test_endless_conflicts_end_in_409(node: Node) -> None:
    node.desk.conflicts = 1000
    response = await node.admin.put("/routes/1", json=ROUTE)
    assert (response.status_code, response.headers["retry-after"]) == (409, "1")
    assert "error_msg" in response.json()


async def test_concurrent_patches_all_count(node: Node) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    patches = [node.admin.patch("/routes/1", json={"labels": {f"l{number}": "x"}}) for number in range(5)]
    assert {answer.status_code for answer in await asyncio.gather(*patches)} == {200}
    labels = (await node.admin.get("/routes/1")).json()["value"]["labels"]
    assert sorted(labels) == ["l0", "l1", "l2", "l3", "l4"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_store_that_is_away_is_503_and_nothing_changes(node: Node, method: str) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    node.desk.available = False
    response = await node.admin.request(method, "/routes/1", json={**ROUTE, "name": "new"})
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["error_msg"].startswith("the store is not available")
    assert "name" not in (await node.admin.get("/routes/1")).json()["value"]


@pytest.mark.parametrize("flag", ["1", "true"])
async def test_a_dry_run_answers_as_the_write_would_and_stores_nothing(node: Node, flag: str) -> None:
    response = await node.admin.put("/routes/1", json=ROUTE, params={"dry_run": flag})
    assert (response.status_code, response.json()["key"]) == (201, "/apisix/routes/1")
    assert "etag" not in response.headers
    assert (await node.admin.get("/routes/1")).status_code == 404
    assert (await node.client.get("/hello")).status_code == 404


async def test_a_dry_run_is_judged_whole(node: Node) -> None:
    response = await node.admin.post("/routes?dry_run=1", json={**ROUTE, "plugins": {"nix": {}}})
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("unknown plugin [nix]")


async def test_a_dry_delete_deletes_nothing(node: Node) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    assert (await node.admin.delete("/routes/1?dry_run=1")).status_code == 200
    assert (await node.admin.get("/routes/1")).status_code == 200


async def test_wait_all_waits_for_every_worker(node: Node) -> None:
    await node.admin.put("/routes/1", json=ROUTE)
    await node.admin.delete("/routes/1?wait=all")
    assert [everywhere for _, everywhere in node.desk.proposals] == [False, True]


async def test_a_change_that_some_workers_are_late_to_serve_is_accepted(node: Node) -> None:
    node.desk.late = [1, 3]
    response = await node.admin.put("/routes/1?wait=all", json=ROUTE)
    assert (response.status_code, response.headers["x-phasegate-late-workers"]) == (202, "1, 3")
    assert response.json()["key"] == "/apisix/routes/1"


JACK = Write("consumers", "jack", {"username": "jack"})
LAPTOP = Write("credentials", "jack/laptop", {"id": "laptop", "plugins": {"key-auth": {"key": "a-key"}}})


def others(*writes: Write) -> Proposal:
    return Proposal(writes, {}, "others", "")


@pytest.mark.parametrize("headers", [{}, {"if-match": '"1"'}])
async def test_a_consumer_goes_with_the_credential_that_it_gets_meanwhile(node: Node, headers: dict[str, str]) -> None:
    await node.desk.propose(others(JACK))
    node.desk.meanwhile = [others(LAPTOP)]
    response = await node.admin.delete("/consumers/jack", headers=headers)
    assert response.status_code == 200, response.text
    assert node.desk.view.records == {}


async def test_a_credential_whose_consumer_goes_meanwhile_is_not_made(node: Node) -> None:
    await node.desk.propose(others(JACK))
    node.desk.meanwhile = [others(Write("consumers", "jack", None))]
    response = await node.admin.put("/consumers/jack/credentials/laptop", json=dict(LAPTOP.value or {}))
    assert (response.status_code, response.json()) == (404, {"error_msg": "consumer not found"})
    assert node.desk.view.records == {}


async def test_what_comes_to_be_used_meanwhile_is_kept_in_words(node: Node) -> None:
    await node.desk.propose(others(Write("upstreams", "u", {"id": "u", "nodes": {"127.0.0.1:1": 1}})))
    node.desk.meanwhile = [others(Write("routes", "1", {"id": "1", "uri": "/x", "upstream_id": "u"}))]
    response = await node.admin.delete("/upstreams/u")
    assert response.status_code == 400
    assert response.json()["error_msg"] == "can not delete this upstream, route [1] is still using it now"


async def test_what_is_wrong_is_told_however_busy_others_are(node: Node) -> None:
    changes = [Write("upstreams", "u", {"id": "u", "nodes": {f"127.0.0.1:{port}": 1}}) for port in range(1, 40)]
    node.desk.meanwhile = [others(change) for change in changes]
    response = await node.admin.put("/routes/1", json={"uri": "/x", "tiemout": 1})
    assert response.status_code == 400
    assert "tiemout" in response.json()["error_msg"]
