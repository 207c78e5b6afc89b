"""Who is let in, by which key, from which place, and how often somebody may guess."""

import asyncio
import json
import logging

import httpx
import pytest

from phasegate.settings import AdminSettings
from tests.desk import ADMIN_KEY, VIEWER_KEY, Node, running_node

ROUTE = {"uri": "/hello", "upstream": {"nodes": {"127.0.0.1:1": 1}}}


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return status and description of a refused token."""
    assert response.json()["error_msg"] == "failed to check token"
    return response.status_code, response.json()["description"]


async def test_without_a_key_nothing_is_told(node: Node) -> None:
    response = await node.stranger.get("/routes")
    assert refusal(response) == (401, "missing apikey")
    assert response.headers["www-authenticate"] == 'apikey realm="admin"'
    assert response.headers["x-api-version"] == "v3"


async def test_a_wrong_key_is_refused(node: Node) -> None:
    response = await node.stranger.get("/routes", headers={"x-api-key": "edd1c9f034335f136f87ad84b625c8f1"})
    assert refusal(response) == (401, "wrong apikey")


@pytest.mark.parametrize("path", ["/nowhere", "/routes/1", "/plugins/list", "/revisions", "/changes"])
async def test_a_stranger_learns_nothing_of_any_path(node: Node, path: str) -> None:
    assert refusal(await node.stranger.get(path)) == (401, "missing apikey")


async def test_two_keys_at_once_are_none(node: Node) -> None:
    headers = [("x-api-key", ADMIN_KEY), ("x-api-key", VIEWER_KEY)]
    assert refusal(await node.stranger.get("/routes", headers=headers)) == (401, "missing apikey")


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
async def test_a_viewer_changes_nothing(node: Node, method: str) -> None:
    response = await node.viewer.request(method, "/routes/1", json=ROUTE)
    assert refusal(response) == (401, "invalid method for role viewer")
    assert node.desk.proposals == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_viewer_reads(node: Node, method: str) -> None:
    assert (await node.viewer.request(method, "/routes")).status_code == 200


async def test_query_and_cookie_are_no_places_for_a_key_by_default(node: Node) -> None:
    by_query = await node.stranger.get("/routes", params={"api_key": ADMIN_KEY})
    by_cookie = await node.stranger.get("/routes", headers={"cookie": f"x_api_key={ADMIN_KEY}"})
    assert refusal(by_query) == refusal(by_cookie) == (401, "missing apikey")


async def test_settings_open_query_and_cookie() -> None:
    async with running_node(settings=AdminSettings(key_places=("query", "cookie"))) as node:
        assert (await node.stranger.get("/routes", params={"api_key": ADMIN_KEY})).status_code == 200
        assert (await node.stranger.get("/routes", headers={"cookie": f"x_api_key={ADMIN_KEY}"})).status_code == 200
        assert (await node.admin.get("/routes")).status_code == 401


@pytest.mark.parametrize(("origin", "status"), [("https://elsewhere.example", 401), (None, 200), ("own", 200)])
async def test_a_cookie_counts_for_pages_of_the_api_s_own_alone(origin: str | None, status: int) -> None:
    async with running_node(settings=AdminSettings(key_places=("cookie",))) as node:
        own = {"origin": node.admin_url} if origin == "own" else {"origin": origin} if origin else {}
        headers = {"cookie": f"x_api_key={ADMIN_KEY}", **own}
        response = await node.stranger.post("/changes", json={"writes": []}, headers=headers)
        assert response.status_code == status


async def test_who_guesses_too_often_has_to_wait_and_the_right_key_too(node: Node) -> None:
    guesses = [await node.stranger.get("/routes", headers={"x-api-key": f"guess-{number}"}) for number in range(11)]
    assert [response.status_code for response in guesses] == [401] * 10 + [429]
    assert 0 < int(guesses[-1].headers["retry-after"]) <= 60
    assert "error_msg" in guesses[-1].json()
    assert (await node.admin.get("/routes")).status_code == 429


async def test_no_key_at_all_is_no_guess(node: Node) -> None:
    for _ in range(20):
        assert (await node.stranger.get("/routes")).status_code == 401
    assert (await node.admin.get("/routes")).status_code == 200


async def test_a_refusal_is_logged_without_the_key(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await node.stranger.get("/routes", headers={"x-api-key": "a-guess-that-nobody-logs"})
    (record,) = [record for record in caplog.records if record.message == "admin access refused"]
    fields = vars(record)
    assert (fields["client"], fields["reason"], fields["path"]) == ("127.0.0.1", "wrong apikey", "/apisix/admin/routes")
    assert "a-guess" not in json.dumps(fields, default=str)


async def test_pages_of_a_configured_origin_may_call() -> None:
    async with running_node(settings=AdminSettings(cors_origin="https://console.example")) as node:
        preflight = await node.stranger.options("/routes")
        assert preflight.status_code == 204
        assert "X-API-KEY" in preflight.headers["access-control-allow-headers"]
        answers = [preflight, await node.admin.get("/routes"), await node.stranger.get("/routes")]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"https://console.example"}
    assert all("ETag" in answer.headers["access-control-expose-headers"] for answer in answers)


async def test_no_origin_is_allowed_by_default(node: Node) -> None:
    assert "access-control-allow-origin" not in (await node.admin.get("/routes")).headers
    assert (await node.stranger.options("/routes")).status_code == 401


async def test_the_server_header_is_a_setting() -> None:
    async with running_node(settings=AdminSettings(server_header="APISIX/3.9.0")) as node:
        assert (await node.admin.get("/routes")).headers["server"] == "APISIX/3.9.0"


async def test_health_needs_no_key(node: Node) -> None:
    async with httpx.AsyncClient() as client:
        responses = await asyncio.gather(*(client.get(f"{node.admin_url}/healthz") for _ in range(3)))
    assert {response.status_code for response in responses} == {200}
