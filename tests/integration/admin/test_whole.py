"""Everything at one revision."""

import trustme

from phasegate.environment import FromEnvironment
from tests.desk import Node, running_node

JACK = {"username": "jack", "plugins": {"key-auth": {"key": "k-1"}}}
MASKED = {"username": "jack", "plugins": {"key-auth": {"key": "***"}}}


async def test_it_has_the_file_and_the_store_at_a_revision() -> None:
    leaf = trustme.CA().issue_cert("a.test")
    cert, key = leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()
    filed = {"id": "f", "uri": FromEnvironment("/f"), "upstream": {"nodes": {"127.0.0.1:1": 1}}}
    async with running_node({"routes": [filed]}) as node:
        assert (await node.admin.put("/consumers/jack", json=JACK)).status_code == 201
        assert (await node.admin.put("/ssls/1", json={"cert": cert, "key": key, "sni": "a.test"})).status_code == 201
        response = await node.admin.get("/changes")
        with_secrets = await node.admin.get("/changes?secrets=1")
    assert response.headers["etag"] == '"2"'
    body = response.json()
    assert body["revision"] == 2
    found = {(item["source"], item["kind"], item["id"]): item["value"] for item in body["list"]}
    assert found["file", "routes", "f"] == {**filed, "uri": "***"}
    assert {**found["store", "consumers", "jack"], **MASKED} == found["store", "consumers", "jack"]
    assert found["store", "ssls", "1"]["key"] == "***"
    assert '"k-1"' in with_secrets.text
    assert "PRIVATE KEY" not in with_secrets.text


async def test_it_is_what_many_writes_can_be_based_on(node: Node) -> None:
    etag = (await node.admin.get("/changes")).headers["etag"]
    body = {"writes": [{"kind": "consumers", "id": "jack", "value": JACK}]}
    first = await node.admin.post("/changes", json=body, headers={"if-match": etag})
    second = await node.admin.post("/changes", json={"writes": []}, headers={"if-match": etag})
    assert (first.status_code, second.status_code) == (200, 412)


async def test_secrets_are_for_admins(node: Node) -> None:
    await node.admin.put("/consumers/jack", json=JACK)
    assert "k-1" not in (await node.viewer.get("/changes")).text
    refused = await node.viewer.get("/changes?secrets=1")
    assert refused.status_code == 401
    assert refused.json()["description"] == "secrets are for role admin"
