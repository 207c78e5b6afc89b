"""Certificates by name through the Admin API: judged, served, and never shown with their keys."""

import trustme

from tests.desk import Node


def value(*names: str) -> dict[str, object]:
    leaf = trustme.CA().issue_cert(*names)
    cert, key = leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()
    return {"cert": cert, "key": key, "snis": list(names)}


async def test_an_entry_is_written_and_shown_without_its_key(node: Node) -> None:
    written = await node.admin.put("/ssls/shop", json=value("shop.test"))
    shown = await node.admin.get("/ssls/shop")
    assert (written.status_code, shown.status_code) == (201, 200)
    assert shown.json()["value"]["snis"] == ["shop.test"]
    assert "PRIVATE KEY" not in written.text + shown.text


async def test_a_mistake_is_told_with_its_path(node: Node) -> None:
    answer = await node.admin.put("/ssls/shop", json={**value("shop.test"), "key": value("shop.test")["key"]})
    assert answer.status_code == 400
    assert answer.json()["error_msg"] == (
        'invalid configuration: property "key" validation failed: '
        "is not the key of cert: give the two that belong together"
    )
