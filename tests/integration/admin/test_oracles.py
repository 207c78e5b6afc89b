"""What viewers must not find out by asking cleverly."""

import hashlib
from typing import Any

import orjson

from phasegate.environment import FromEnvironment
from phasegate.secret import Secret
from phasegate.settings import AdminKey
from tests.desk import KEYS, VIEWER_KEY, running_node

UPSTREAM = {"nodes": {"127.0.0.1:1": 1}}


def document(secret: str) -> dict[str, Any]:
    """Return a file's document that the environment filled a secret in."""
    return {"routes": [{"id": "w", "uri": FromEnvironment(f"/hook/{secret}"), "upstream": UPSTREAM}]}


async def tag(secret: str, keys: tuple[AdminKey, ...] = KEYS) -> str:
    """Return the entity tag of a node's only route, as a viewer sees it."""
    async with running_node(document(secret), keys=keys) as node:
        return (await node.viewer.get("/routes/w")).headers["etag"]


async def test_a_tag_of_the_file_proves_no_guess() -> None:
    (route,) = document("hunter2")["routes"]
    bare = orjson.dumps({**route, "uri": str(route["uri"])}, option=orjson.OPT_SORT_KEYS)
    found = await tag("hunter2")
    assert hashlib.blake2b(bare, digest_size=8).hexdigest() not in found


async def test_a_tag_of_the_file_follows_content_and_is_the_same_for_all_workers() -> None:
    assert await tag("a") == await tag("a") != await tag("b")


async def test_another_admin_key_makes_another_tag() -> None:
    assert await tag("a") != await tag("a", (AdminKey("ops", Secret("another-admin-key"), "admin"), KEYS[1]))


async def test_where_there_is_no_admin_a_tag_leaves_out_what_is_masked() -> None:
    viewers = (AdminKey("eyes", Secret(VIEWER_KEY), "viewer"),)
    assert await tag("a", viewers) == await tag("b", viewers)


async def test_filters_match_only_what_the_reader_may_see() -> None:
    async with running_node(document("hunter2")) as node:
        seen = [(await client.get("/routes?uri=/hook/h")).json()["total"] for client in (node.viewer, node.admin)]
    assert seen == [0, 1]
