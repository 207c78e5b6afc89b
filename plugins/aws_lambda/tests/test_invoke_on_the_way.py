"""Direct calls that no answer comes back for: what is in the way, who is told of it how, and that nothing is sent twice."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest
import trustme

from phasegate import Exchange, Plugin, hookimpl
from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

from .frames import HEAD, IAM, chunk, stream


@dataclass(kw_only=True)
class Witness(Plugin):
    """Knows how the last request ended."""

    name: ClassVar[str] = "witness"
    ends: ClassVar[asyncio.Queue[tuple[int, str]]]

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        if exchange.error is not None:
            self.ends.put_nowait((exchange.error.status, exchange.error.code))


def document(endpoint: str, **config: Any) -> dict[str, Any]:
    plugin = {"function": "app", "endpoint": endpoint, "authorization": {"iam": IAM}, **config}
    return {"routes": [{"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin, "witness": {}}}]}


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    Witness.ends = asyncio.Queue()


@pytest.mark.parametrize("mode", ["invoke", "invoke-stream"])
@pytest.mark.parametrize(
    ("endpoint", "cause"),
    [("http://127.0.0.1:1", "can't connect to 127.0.0.1:1"), ("https://nowhere.invalid", "nowhere.invalid")],
)
async def test_an_api_that_is_not_there(
    start_gateway: GatewayMaker,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    endpoint: str,
    cause: str,
) -> None:
    gateway = await start_gateway(document(endpoint, mode=mode), [AwsLambda, Witness])
    response = await client.post(gateway.url, content=b"x")
    assert (response.status_code, response.json()["code"]) == (502, "upstream_unreachable")
    events = {record.msg: str(vars(record)["cause"]) for record in caplog.records}
    assert events.keys() == {"call repeated", "request failed"}
    assert all(cause in text for text in events.values())


async def test_an_api_whose_certificate_nobody_vouches_for_gets_nothing(
    start_gateway: GatewayMaker, client: httpx.AsyncClient
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("lambda.us-east-1.amazonaws.com").configure_cert(context)
    async with fake_upstream(context) as untrusted:
        gateway = await start_gateway(document(untrusted.url), [AwsLambda, Witness])
        response = await client.get(gateway.url)
        assert (response.status_code, response.json()["code"]) == (502, "upstream_tls")
        assert untrusted.received == []


@pytest.mark.parametrize(
    ("mode", "reply"), [("invoke", Reply(hang=True)), ("invoke-stream", stream(chunk(HEAD), gate=asyncio.Event()))]
)
async def test_a_client_that_leaves_is_499_in_the_log_and_nothing_is_called_again(
    start_gateway: GatewayMaker, upstream: FakeUpstream, mode: str, reply: Reply
) -> None:
    upstream.reply(reply)
    gateway = await start_gateway(document(upstream.url, mode=mode, timeout=60_000), [AwsLambda, Witness])
    async with httpx.AsyncClient() as leaving:
        asking = asyncio.create_task(leaving.get(gateway.url))
        await upstream.arrived()
        asking.cancel()
        await asyncio.wait([asking])
    assert await asyncio.wait_for(Witness.ends.get(), 5) == (499, "client_closed")
    assert len(upstream.received) == 1
