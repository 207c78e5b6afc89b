"""Records that another node wrote and this one can't serve: shown, changed and deleted here all the same."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from phasegate.store.records import Write
from tests.desk import Node, running_node

NODES = {"127.0.0.1:1": 1}
FILED: dict[str, Any] = {
    "upstreams": [{"id": "u", "nodes": NODES}],
    "routes": [{"id": "filed", "uri": "/filed", "upstream_id": "u"}],
    "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": "jacks-key"}}}],
}


def strange(id_: str) -> Write:
    """Return a route with a plugin that this node does not have, and something in it that may be a secret."""
    return Write("routes", id_, {"id": id_, "uri": f"/{id_}", "plugins": {"unheard-of": {"token": "s3cret"}}})


@pytest.fixture
async def behind(node: Node) -> Node:
    """A node that can't serve one of the store's routes."""
    node.desk.hear_of(strange("r"))
    return node


@pytest.fixture
async def clashing() -> AsyncIterator[Node]:
    """A node that finds in the store what its file owns."""
    async with running_node(FILED) as node:
        node.desk.hear_of(
            Write("upstreams", "u", {"id": "u", "nodes": NODES}),
            Write("consumers", "jack", {"username": "jack"}),
            Write("credentials", "jack/laptop", {"id": "laptop", "plugins": {"key-auth": {"key": "another"}}}),
        )
        yield node


async def test_it_is_shown(behind: Node) -> None:
    assert (await behind.admin.get("/routes/r")).json()["value"]["plugins"] == {"unheard-of": {"token": "s3cret"}}
    assert (await behind.viewer.get("/routes/r")).json()["value"]["plugins"] == {"unheard-of": {"token": "***"}}
    assert (await behind.admin.get("/routes")).json()["total"] == 1


async def test_deleting_it_leaves_what_can_be_served(behind: Node) -> None:
    assert (await behind.admin.delete("/routes/r")).status_code == 200
    assert (await behind.admin.get("/routes/r")).status_code == 404
    assert (await behind.admin.put("/upstreams/u", json={"nodes": NODES})).status_code == 201


async def test_it_can_be_replaced(behind: Node) -> None:
    response = await behind.admin.put("/routes/r", json={"uri": "/r", "upstream": {"nodes": NODES}})
    assert response.status_code == 200, response.text


async def test_a_change_of_something_else_is_refused_with_its_name(behind: Node) -> None:
    response = await behind.admin.put("/upstreams/u", json={"nodes": NODES})
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("routes/r.plugins.unheard-of: unknown plugin [unheard-of]")


async def test_several_go_in_one_change(behind: Node) -> None:
    behind.desk.hear_of(strange("s"))
    assert (await behind.admin.delete("/routes/r")).status_code == 400
    writes = [{"kind": "routes", "id": id_, "value": None} for id_ in "rs"]
    response = await behind.admin.post("/changes", json={"writes": writes})
    assert (response.status_code, response.json()["revision"]) == (200, 3)


async def test_what_clashes_with_the_file_goes_and_the_file_s_stays(clashing: Node) -> None:
    writes = [{"kind": "upstreams", "id": "u", "value": None}, {"kind": "consumers", "id": "jack", "value": None}]
    response = await clashing.admin.post("/changes", json={"writes": writes})
    assert response.status_code == 200, response.text
    assert (await clashing.admin.get("/upstreams/u")).headers["x-phasegate-file"]
    assert (await clashing.admin.get("/consumers/jack/credentials/laptop")).status_code == 200


async def test_no_reference_to_the_file_s_keeps_what_clashes_with_it() -> None:
    async with running_node(FILED) as node:
        node.desk.hear_of(Write("upstreams", "u", {"id": "u", "nodes": NODES}))
        assert (await node.admin.delete("/upstreams/u")).status_code == 200
        assert (await node.admin.get("/routes/filed")).json()["value"]["upstream_id"] == "u"


async def test_a_consumer_that_clashes_with_the_file_s_goes_alone() -> None:
    async with running_node(FILED) as node:
        await node.admin.put(
            "/consumers/jack/credentials/laptop", json={"plugins": {"key-auth": {"key": "jacks-second-key"}}}
        )
        node.desk.hear_of(Write("consumers", "jack", {"username": "jack"}))
        assert (await node.admin.delete("/consumers/jack")).status_code == 200
        assert (await node.admin.get("/consumers/jack/credentials/laptop")).status_code == 200
