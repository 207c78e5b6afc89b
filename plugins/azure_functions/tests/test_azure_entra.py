"""Tokens of Entra ID: azure-identity asks, of places on 127.0.0.1 that answer as Azure's do."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.testing.fixtures import GatewayMaker
from phasegate_azure_functions import AzureFunctions

HOUR = 3600


@pytest.fixture
async def identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeUpstream]:
    """The identity endpoint of an App Service."""
    for name in ("MSI_ENDPOINT", "IMDS_ENDPOINT", "IDENTITY_SERVER_THUMBPRINT", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    async with fake_upstream() as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "the-header")
        yield server


def token(text: str, lasts: float = HOUR) -> Reply:
    ends = {"expires_in": str(int(lasts)), "expires_on": str(int(time.time() + lasts))}
    told = {"access_token": text, "resource": "r", "token_type": "Bearer", **ends}
    return Reply(headers={"content-type": "application/json"}, body=json.dumps(told).encode())


async def get(start_gateway: GatewayMaker, upstream: FakeUpstream, times: int = 1, **entra: str) -> httpx.Response:
    plugin: dict[str, Any] = {
        "function_uri": f"{upstream.url}/api/hello",
        "authorization": {"apikey": "k"},
        "entra": entra or {"scope": "api://app/.default"},
    }
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uri": "/", "plugins": {"azure-functions": plugin}}]}, [AzureFunctions]
    )
    async with httpx.AsyncClient() as client:
        answers = [await client.get(gateway.url, headers={"authorization": "Bearer theirs"}) for _ in range(times)]
    return answers[-1]


async def test_the_token_goes_along_with_the_key_and_is_asked_for_once(
    start_gateway: GatewayMaker, upstream: FakeUpstream, identity: FakeUpstream
) -> None:
    identity.reply(token("t0ken"))
    assert (await get(start_gateway, upstream, times=3)).status_code == 200
    sent = [(received.get("authorization"), received.get("x-functions-key")) for received in upstream.received]
    assert sent == [("Bearer t0ken", "k")] * 3
    asked = [received.target for received in identity.received]
    assert asked == ["/msi/token?api-version=2019-08-01&resource=api://app"]
    assert identity.received[0].get("x-identity-header") == "the-header"


async def test_a_resource_and_an_identity_can_be_named(
    start_gateway: GatewayMaker, upstream: FakeUpstream, identity: FakeUpstream
) -> None:
    identity.reply(token("t0ken"))
    await get(start_gateway, upstream, resource="api://other", client_id="an-id")
    query = httpx.URL(identity.received[0].target).params
    assert (query["resource"], query["client_id"]) == ("api://other", "an-id")


async def test_a_virtual_machine_asks_its_metadata(
    start_gateway: GatewayMaker, upstream: FakeUpstream, identity: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", identity.url)
    identity.reply(token("t0ken"))
    await get(start_gateway, upstream)
    assert upstream.received[0].get("authorization") == "Bearer t0ken"
    assert identity.received[-1].target.startswith("/metadata/identity/oauth2/token?")


async def test_without_a_token_nothing_is_sent_and_the_log_says_why(
    start_gateway: GatewayMaker, upstream: FakeUpstream, identity: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    identity.reply(Reply(status=400, headers={"content-type": "application/json"}, body=b'{"message":"no identity"}'))
    answer = await get(start_gateway, upstream)
    assert (answer.status_code, answer.json()["code"]) == (503, "credentials_unavailable")
    assert answer.headers["retry-after"]
    assert not upstream.received
    reasons = [vars(record)["reason"] for record in caplog.records if record.msg == "credentials unavailable"]
    assert len(reasons) == 1
    assert "no identity" in reasons[0]
