"""Consumers, their credentials and groups, and plugin metadata."""

from typing import Any

import pytest

from phasegate.testing import FakeUpstream
from tests.desk import Node


def key_auth(key: str) -> dict[str, Any]:
    return {"plugins": {"key-auth": {"key": key}}}


async def put(node: Node, path: str, body: object) -> dict[str, Any]:
    response = await node.admin.put(path, json=body)
    assert response.status_code in (200, 201), response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture
async def jack(node: Node, upstream: FakeUpstream) -> Node:
    """A node with a guarded route and a consumer who has no key yet."""
    target = {"nodes": {upstream.address: 1}}
    await put(node, "/routes/1", {"uri": "/g", "plugins": {"key-auth": {}}, "upstream": target})
    await put(node, "/consumers", {"username": "jack"})
    return node


async def asked(node: Node, key: str) -> int:
    """Return the status that the guarded route gives to a key."""
    return (await node.client.get("/g", headers={"apikey": key})).status_code


async def test_a_credential_is_good_at_once_and_till_it_is_deleted(jack: Node, upstream: FakeUpstream) -> None:
    answer = await put(jack, "/consumers/jack/credentials/one", key_auth("first-key"))
    assert answer["key"] == "/apisix/consumers/jack/credentials/one"
    assert (answer["value"]["id"], answer["value"]["plugins"]) == ("one", {"key-auth": {"key": "***"}})
    assert await asked(jack, "first-key") == 200
    assert upstream.received[0].get("x-consumer-username") == "jack"
    gone = await jack.admin.delete("/consumers/jack/credentials/one")
    assert gone.json() == {"deleted": "1", "key": "/apisix/consumers/jack/credentials/one"}
    assert await asked(jack, "first-key") == 401


async def test_credentials_are_listed_by_consumer_and_not_among_consumers(jack: Node) -> None:
    await put(jack, "/consumers", {"username": "jackie"})
    await put(jack, "/consumers/jack/credentials/one", key_auth("first-key"))
    await put(jack, "/consumers/jack/credentials/two", key_auth("second-key"))
    await put(jack, "/consumers/jackie/credentials/one", key_auth("third-key"))
    found = (await jack.admin.get("/consumers/jack/credentials")).json()
    assert [item["key"] for item in found["list"]] == [
        "/apisix/consumers/jack/credentials/one",
        "/apisix/consumers/jack/credentials/two",
    ]
    consumers = (await jack.admin.get("/consumers")).json()
    assert [item["value"]["username"] for item in consumers["list"]] == ["jack", "jackie"]
    one = (await jack.admin.get("/consumers/jack/credentials/one")).json()
    assert one["value"]["plugins"]["key-auth"]["key"] == "first-key"


async def test_a_consumer_takes_its_credentials_with_it(jack: Node) -> None:
    await put(jack, "/consumers/jack/credentials/one", key_auth("first-key"))
    assert (await jack.admin.delete("/consumers/jack")).status_code == 200
    assert await asked(jack, "first-key") == 401
    await put(jack, "/consumers", {"username": "jack"})
    assert (await jack.admin.get("/consumers/jack/credentials")).json()["total"] == 0


async def test_a_rollback_brings_a_consumer_back_with_its_credentials(jack: Node) -> None:
    await put(jack, "/consumers/jack/credentials/one", key_auth("first-key"))
    before = jack.desk.view.revision
    await jack.admin.delete("/consumers/jack")
    assert (await jack.admin.post(f"/revisions/{before}/rollback")).status_code == 200
    assert await asked(jack, "first-key") == 200


@pytest.mark.parametrize(
    ("plugins", "reason"),
    [
        ({}, "must hold one auth plugin"),
        ({"key-auth": {"key": "k"}, "nix": {}}, "must hold one auth plugin"),
        ({"aws-lambda": {"function_uri": "https://l.example"}}, "is no auth plugin"),
        ({"key-auth": {}}, 'property "key" validation failed: property "key" is required'),
    ],
)
async def test_a_credential_takes_one_auth_plugin(jack: Node, plugins: object, reason: str) -> None:
    response = await jack.admin.put("/consumers/jack/credentials/one", json={"plugins": plugins})
    assert response.status_code == 400
    assert reason in response.json()["error_msg"]


async def test_a_key_that_another_consumer_s_credential_holds(jack: Node) -> None:
    await put(jack, "/consumers", {"username": "jill"})
    await put(jack, "/consumers/jill/credentials/one", key_auth("the-same-key"))
    response = await jack.admin.put("/consumers/jack/credentials/one", json=key_auth("the-same-key"))
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("duplicate key found with consumer: jill")


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
async def test_a_list_of_credentials_can_only_be_read(jack: Node, method: str) -> None:
    response = await jack.admin.request(method, "/consumers/jack/credentials", json=key_auth("k"))
    assert response.status_code == (405 if method == "POST" else 400)


async def test_a_group_that_a_consumer_is_in_can_t_be_deleted(node: Node) -> None:
    await put(node, "/consumer_groups/g", {"plugins": {}})
    await put(node, "/consumers", {"username": "jack", "group_id": "g"})
    for query in ("", "?force=true"):
        response = await node.admin.delete(f"/consumer_groups/g{query}")
        assert response.status_code == 400
        assert response.json()["error_msg"].startswith(
            "can not delete this consumer group, consumer [jack] is still using it now"
        )


async def test_metadata_of_a_plugin_that_takes_none(node: Node) -> None:
    response = await node.admin.put("/plugin_metadata/key-auth", json={"nonsense": 1})
    assert response.status_code == 400
    assert "error_msg" in response.json()
    assert (await node.admin.post("/plugin_metadata", json={})).status_code == 405
