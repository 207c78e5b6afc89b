"""Secrets: hidden in what writes answer and from viewers, kept where the mask comes back."""

from typing import Any

import pytest
import trustme

from phasegate.testing import FakeUpstream
from tests.desk import Node

LAMBDA: dict[str, Any] = {
    "uri": "/aws",
    "plugins": {
        "aws-lambda": {
            "function_uri": "https://l.example/f",
            "authorization": {"iam": {"accesskey": "AKIDEXAMPLE", "secretkey": "an-iam-secret"}},
        }
    },
}


def iam(response: Any) -> dict[str, str]:
    """Return the IAM keys in an answer."""
    config = response.json()["value"]["plugins"]["aws-lambda"]
    keys: dict[str, str] = config["authorization"]["iam"]
    return keys


async def test_writes_answer_with_masks_and_admins_read_the_secret(node: Node) -> None:
    put = await node.admin.put("/routes/1", json=LAMBDA)
    patch = await node.admin.patch("/routes/1", json={"name": "x"})
    post = await node.admin.post("/routes", json={**LAMBDA, "uri": "/other"})
    assert {iam(response)["secretkey"] for response in (put, patch, post)} == {"***"}
    assert iam(await node.admin.get("/routes/1"))["secretkey"] == "an-iam-secret"


@pytest.mark.parametrize("path", ["/routes/1", "/routes", "/revisions/1", "/revisions"])
async def test_viewers_see_no_secret(node: Node, path: str) -> None:
    await node.admin.put("/routes/1", json=LAMBDA)
    response = await node.viewer.get(path)
    assert response.status_code == 200
    assert "an-iam-secret" not in response.text


async def test_the_mask_keeps_what_is_stored(node: Node) -> None:
    shown = (await node.admin.put("/routes/1", json=LAMBDA)).json()["value"]
    body = {key: value for key, value in shown.items() if not key.endswith("_time")}
    assert (await node.admin.put("/routes/1", json={**body, "name": "again"})).status_code == 200
    assert iam(await node.admin.get("/routes/1"))["secretkey"] == "an-iam-secret"
    assert (await node.admin.patch("/routes/1", json=body)).status_code == 200
    assert iam(await node.admin.get("/routes/1"))["secretkey"] == "an-iam-secret"


@pytest.mark.parametrize("stored", [False, True])
async def test_the_mask_of_nothing_is_refused_with_its_path(node: Node, *, stored: bool) -> None:
    if stored:
        await node.admin.put("/consumers", json={"username": "jack"})
    body = {"username": "jack", "plugins": {"key-auth": {"key": "***"}}}
    response = await node.admin.put("/consumers", json=body)
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith(
        'failed to check the configuration of plugin key-auth err: property "key"'
    )


async def test_a_consumer_is_known_by_its_key_at_once(node: Node, upstream: FakeUpstream) -> None:
    target = {"nodes": {f"127.0.0.1:{upstream.port}": 1}}
    await node.admin.put("/routes/1", json={"uri": "/g", "plugins": {"key-auth": {}}, "upstream": target})
    await node.admin.put("/consumers", json={"username": "jack", "plugins": {"key-auth": {"key": "jack-s-key"}}})
    assert (await node.client.get("/g", headers={"apikey": "jack-s-key"})).status_code == 200
    assert (await node.admin.delete("/consumers/jack")).json() == {"deleted": "1", "key": "/apisix/consumers/jack"}
    assert (await node.client.get("/g", headers={"apikey": "jack-s-key"})).status_code == 401


async def test_a_secret_manager_s_token_is_read_by_admins_alone(node: Node) -> None:
    manager = {"uri": "https://vault.example:8200", "prefix": "kv/gateway", "token": "a-vault-token"}
    made = await node.admin.put("/secrets/vault/main", json=manager)
    assert (made.status_code, made.json()["key"]) == (201, "/apisix/secrets/vault/main")
    assert made.json()["value"]["token"] == "***"
    assert (await node.admin.get("/secrets/vault/main")).json()["value"]["token"] == "a-vault-token"
    assert (await node.viewer.get("/secrets")).json()["list"][0]["value"]["token"] == "***"
    assert (await node.admin.delete("/secrets/vault/main")).json()["deleted"] == "1"


async def test_a_private_key_is_never_returned_and_kept_by_a_patch_or_the_mask(node: Node) -> None:
    issued = trustme.CA().issue_cert("a.example", "b.example")
    private = issued.private_key_pem.bytes().decode()
    body = {"cert": b"".join(blob.bytes() for blob in issued.cert_chain_pems).decode(), "snis": ["a.example"]}
    made = await node.admin.put("/ssls/1", json={**body, "key": private})
    assert made.status_code == 201
    changed = await node.admin.patch("/ssls/1", json={"snis": ["b.example"]})
    replaced = await node.admin.put("/ssls/1", json={**body, "key": "***"})
    assert (changed.status_code, replaced.status_code) == (200, 200)
    read = [await node.admin.get(path) for path in ("/ssls/1", "/ssls", "/revisions/1")]
    assert {"key" in response.json().get("value", {}) for response in (made, changed, replaced, read[0])} == {False}
    assert not any("PRIVATE KEY" in response.text for response in (made, changed, replaced, *read))
    assert node.desk.view.records["ssls", "1"].value["key"] == private


async def test_a_key_that_is_not_its_certificate_s(node: Node) -> None:
    one, other = [trustme.CA().issue_cert("a.example") for _ in range(2)]
    body = {
        "cert": one.cert_chain_pems[0].bytes().decode(),
        "key": other.private_key_pem.bytes().decode(),
        "snis": ["a.example"],
    }
    response = await node.admin.put("/ssls/1", json=body)
    assert response.status_code == 400
    assert "PRIVATE KEY" not in response.text
    assert response.json()["error_msg"].startswith("invalid configuration: property")
