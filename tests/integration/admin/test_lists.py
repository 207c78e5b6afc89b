"""Lists: order, pages, filters."""

from collections.abc import AsyncIterator

import pytest

from tests.desk import Node, running_node

NODES = {"nodes": {"127.0.0.1:1": 1}}


def ids(response: object) -> list[str]:
    """Return the ids of a list in its order."""
    return [item["value"]["id"] for item in response.json()["list"]]  # type: ignore[attr-defined]


@pytest.fixture
async def filled() -> AsyncIterator[Node]:
    """A node whose file has a route, and whose store has twelve more, made from z to o."""
    filed = {"id": "filed", "uri": "/filed", "name": "of the file", "upstream": NODES}
    async with running_node({"routes": [filed]}) as node:
        await node.admin.put("/upstreams/u", json=NODES)
        await node.admin.put("/services/s", json={"upstream_id": "u"})
        for index, name in enumerate("zyxwvutsrqpo"):
            target = {"service_id": "s"} if index % 2 else {"upstream_id": "u"}
            labels = {"version": "v1" if index < 3 else "v2", **({"old": "yes"} if index == 0 else {})}
            body = {"uris": [f"/{name}/*", f"/also-{name}"], "name": f"route {name}", "labels": labels, **target}
            assert (await node.admin.put(f"/routes/{name}", json=body)).status_code == 201
        yield node


async def test_a_list_has_the_file_s_first_then_by_age(filled: Node) -> None:
    await filled.admin.patch("/routes/z", json={"desc": "changed later"})
    response = await filled.admin.get("/routes")
    assert ids(response) == ["filed", *"zyxwvutsrqpo"]
    assert response.json()["total"] == 13
    created = [item["createdIndex"] for item in response.json()["list"]]
    assert created == sorted(created)
    assert response.json()["list"][1].keys() == {"key", "value", "createdIndex", "modifiedIndex"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("page=1&page_size=10", ["filed", *"zyxwvutsr"]),
        ("page=2&page_size=10", ["q", "p", "o"]),
        ("page=3&page_size=10", []),
        ("page_size=500", ["filed", *"zyxwvutsrqpo"]),
    ],
)
async def test_pages(filled: Node, query: str, expected: list[str]) -> None:
    response = await filled.admin.get(f"/routes?{query}")
    assert (ids(response), response.json()["total"]) == (expected, 13)


@pytest.mark.parametrize(
    "query", ["page=1&page_size=9", "page_size=501", "page_size=x", "page=0", "page=-1&page_size=10"]
)
async def test_pages_that_can_t_be(filled: Node, query: str) -> None:
    response = await filled.admin.get(f"/routes?{query}")
    assert response.status_code == 400
    assert "must be" in response.json()["error_msg"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=file", ["filed"]),
        ("name=route%20z", ["z"]),
        ("uri=/also-x", ["x"]),
        ("uri=/filed", ["filed"]),
        ("label=old", ["z"]),
        ("label=version:v1", ["z", "y", "x"]),
        ("filter=service_id%3Ds&name=y", ["y"]),
        ("filter=upstream_id%3Du%26service_id%3Ds", []),
        ("filter=upstream_id%3Du&page=1&page_size=10", list("zxvtrp")),
    ],
)
async def test_filters(filled: Node, query: str, expected: list[str]) -> None:
    response = await filled.admin.get(f"/routes?{query}")
    assert (ids(response), response.json()["total"]) == (expected, len(expected))
