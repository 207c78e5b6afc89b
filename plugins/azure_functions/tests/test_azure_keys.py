"""Whose key a function sees, and what the log says where Azure takes none of them."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_azure_functions import AzureFunctions

Sent = tuple[str | None, str | None]
Call = Callable[..., Awaitable[Sent]]
THEIRS = {"x-functions-key": "their-key", "x-functions-clientid": "their-id"}
ROUTE = {"apikey": "route-key", "clientid": "route-id"}
MASTER = {"master_apikey": "master-key", "master_clientid": "master-id"}


async def started(
    start_gateway: GatewayMaker, upstream: FakeUpstream, metadata: dict[str, str] | None = None, **config: Any
) -> RunningGateway:
    plugin = {"function_uri": f"{upstream.url}/api/hello", **config}
    document: dict[str, Any] = {"routes": [{"id": "r", "uri": "/x/*", "plugins": {"azure-functions": plugin}}]}
    if metadata is not None:
        document["plugin_metadata"] = [{"id": "azure-functions", **metadata}]
    return await start_gateway(document, [AzureFunctions])


@pytest.fixture
def call(start_gateway: GatewayMaker, upstream: FakeUpstream) -> Call:
    async def call_with(
        headers: dict[str, str] | None = None, metadata: dict[str, str] | None = None, **config: Any
    ) -> Sent:
        gateway = await started(start_gateway, upstream, metadata, **config)
        async with httpx.AsyncClient() as client:
            await client.post(f"{gateway.url}/x/a%2Fb?q=1", content=b"body", headers=headers)
        received = upstream.received[-1]
        assert (received.method, received.target, received.body) == ("POST", "/api/hello/a%2Fb?q=1", b"body")
        return received.get("x-functions-key"), received.get("x-functions-clientid")

    return call_with


async def test_with_no_key_configured_the_clients_passes(call: Call) -> None:
    assert await call(THEIRS) == ("their-key", "their-id")


@pytest.mark.parametrize(
    ("authorization", "metadata", "sent"),
    [
        (ROUTE, None, ("route-key", "route-id")),
        (ROUTE, MASTER, ("route-key", "route-id")),
        ({"apikey": "route-key"}, MASTER, ("route-key", None)),
        ({}, MASTER, ("master-key", "master-id")),
        ({}, {"master_apikey": "master-key"}, ("master-key", None)),
    ],
)
async def test_the_routes_key_comes_before_the_master_key_and_the_clients_never(
    call: Call, authorization: dict[str, str], metadata: dict[str, str] | None, sent: Sent
) -> None:
    assert await call(THEIRS, metadata, authorization=authorization) == sent


async def test_the_clients_key_goes_on_where_that_is_wanted(call: Call) -> None:
    config: dict[str, Any] = {"authorization": ROUTE, "forward_client_credentials": True}
    assert await call(THEIRS, **config) == ("their-key", "their-id")
    assert await call({"x-functions-key": "their-key"}, **config) == ("their-key", "route-id")
    assert await call(**config) == ("route-key", "route-id")


async def test_a_new_master_key_holds_at_once(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gateway = await started(start_gateway, upstream, {"master_apikey": "old"})
    plugin = {"function_uri": f"{upstream.url}/api/hello"}
    document = {
        "routes": [{"id": "r", "uri": "/x/*", "plugins": {"azure-functions": plugin}}],
        "plugin_metadata": [{"id": "azure-functions", "master_apikey": "new"}],
    }
    await gateway.reload(document)
    async with httpx.AsyncClient() as client:
        await client.get(f"{gateway.url}/x/")
    assert upstream.received[0].get("x-functions-key") == "new"


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_goes_through_and_the_log_says_what_to_look_at(
    start_gateway: GatewayMaker, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    upstream.reply(Reply(status=status))
    gateway = await started(start_gateway, upstream, authorization={"apikey": "s3cret"})
    async with httpx.AsyncClient() as client:
        answers = [await client.get(f"{gateway.url}/x/") for _ in range(3)]
    told = [vars(record) for record in caplog.records if record.getMessage() == "function refused"]
    assert [answer.status_code for answer in answers] == [status] * 3
    assert [(record["status"], record["route"]) for record in told] == [(status, "r")]
    assert told[0]["hint"]
    assert "s3cret" not in str(told)


async def test_a_functions_own_404_is_no_refusal(
    start_gateway: GatewayMaker, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.reply(Reply(status=404, body=b'{"message":"no such order"}'))
    gateway = await started(start_gateway, upstream)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{gateway.url}/x/")
    assert answer.json() == {"message": "no such order"}
    assert "function refused" not in caplog.text
