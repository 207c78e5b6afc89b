"""Passwords that are written through the Admin API: stored as hashes, whoever writes them and however."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from phasegate.passwords import check_password
from phasegate.testing import FakeUpstream
from phasegate_auth import BasicAuth
from tests.desk import Node, running_node


@pytest.fixture
async def node(upstream: FakeUpstream) -> AsyncIterator[Node]:
    """A node with a route for those with a password."""
    route = {"id": "r", "uri": "/g", "plugins": {"basic-auth": {}}, "upstream": {"nodes": {upstream.address: 1}}}
    async with running_node({"routes": [route]}, [BasicAuth]) as started:
        yield started


def jack(password: str) -> dict[str, Any]:
    return {"username": "jack", "plugins": {"basic-auth": {"username": "jack", "password": password}}}


def stored(node: Node, key: tuple[str, str] = ("consumers", "jack")) -> str:
    found: str = node.desk.view.records[key].value["plugins"]["basic-auth"]["password"]
    return found


async def asked(node: Node, password: str) -> int:
    return (await node.client.get("/g", auth=("jack", password))).status_code


async def test_a_password_is_stored_as_a_hash_and_holds(node: Node) -> None:
    answer = (await node.admin.put("/consumers", json=jack("sesame"))).json()
    assert answer["value"]["plugins"]["basic-auth"]["password"] == "***"
    assert stored(node).startswith("$argon2id$")
    assert check_password(stored(node), "sesame")
    assert (await asked(node, "sesame"), await asked(node, "Sesame"), await asked(node, stored(node))) == (
        200,
        401,
        401,
    )
    shown = (await node.admin.get("/consumers/jack")).json()
    assert shown["value"]["plugins"]["basic-auth"]["password"] == stored(node)


async def test_a_mask_a_hash_and_the_same_password_keep_what_is_stored(node: Node) -> None:
    await node.admin.put("/consumers", json=jack("sesame"))
    first = stored(node)
    for sent in ("***", first, "sesame"):
        assert (await node.admin.put("/consumers", json=jack(sent))).status_code == 200
        assert stored(node) == first


async def test_a_new_password_takes_the_place_of_the_old_one(node: Node) -> None:
    await node.admin.put("/consumers", json=jack("sesame"))
    assert await asked(node, "sesame") == 200
    patch = {"plugins": {"basic-auth": {"password": "other"}}}
    assert (await node.admin.patch("/consumers/jack", json=patch)).status_code == 200
    assert (await asked(node, "sesame"), await asked(node, "other")) == (401, 200)


async def test_credentials_and_many_changes_at_once_are_hashed_too(node: Node) -> None:
    await node.admin.put("/consumers", json={"username": "jack"})
    await node.admin.put("/consumers/jack/credentials/one", json={"plugins": jack("sesame")["plugins"]})
    assert stored(node, ("credentials", "jack/one")).startswith("$argon2id$")
    assert await asked(node, "sesame") == 200
    jill = {"username": "jill", "plugins": {"basic-auth": {"username": "jill", "password": "x"}}}
    writes = [{"kind": "consumers", "id": "jill", "value": jill}]
    answer = await node.admin.post("/changes", json={"writes": writes})
    assert answer.status_code == 200, answer.text
    assert stored(node, ("consumers", "jill")).startswith("$argon2id$")


@pytest.mark.parametrize(
    "password", ["", "x" * 2000, "$2b$12$abc", "$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHQ$AAAA", 7]
)
async def test_what_is_no_password_is_refused(node: Node, password: Any) -> None:
    answer = await node.admin.put("/consumers", json=jack(password))
    assert answer.status_code == 400
    assert "password" in answer.json()["error_msg"]
    assert ("consumers", "jack") not in node.desk.view.records


async def test_two_consumers_can_not_share_a_username(node: Node) -> None:
    await node.admin.put("/consumers", json=jack("sesame"))
    answer = await node.admin.put("/consumers", json={**jack("other"), "username": "jill"})
    assert answer.status_code == 400


async def test_an_identifier_is_told_of_a_credential_that_has_one(node: Node, upstream: FakeUpstream) -> None:
    await node.admin.put("/consumers", json={"username": "jack", "labels": {"custom_id": "4711"}})
    await node.admin.put("/consumers/jack/credentials/one", json={"plugins": jack("sesame")["plugins"]})
    await asked(node, "sesame")
    received = upstream.received[0]
    assert received.get("x-credential-identifier") == "one"
    assert received.get("x-consumer-custom-id") == "4711"
