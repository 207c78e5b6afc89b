"""moto's server as an AWS that is not ours: it checks signatures and permissions, then takes the call."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

from .cloud import REGION, Cloud

pytestmark = pytest.mark.long


async def started(start_gateway: GatewayMaker, cloud: Cloud, **config: Any) -> RunningGateway:
    plugin = {
        "function": "app",
        "region": REGION,
        "endpoint": cloud.url,
        "authorization": {"iam": cloud.iam},
        "timeout": 10_000,
        **config,
    }
    return await start_gateway({"routes": [{"id": "r", "uri": "/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


async def test_an_independent_api_takes_the_call(
    start_gateway: GatewayMaker, cloud: Cloud, client: httpx.AsyncClient
) -> None:
    cloud.results('{"statusCode": 201, "headers": {"x-a": "1"}, "body": "hi"}')
    response = await client.get(f"{(await started(start_gateway, cloud)).url}/a%20b?c=d")
    assert (response.status_code, response.text, response.headers["x-a"]) == (201, "hi", "1")


@pytest.mark.parametrize("function", ["app", "app:$LATEST", f"arn:aws:lambda:{REGION}:123456789012:function:app"])
async def test_it_knows_the_function_by_each_name_and_gets_the_event(
    start_gateway: GatewayMaker, cloud: Cloud, client: httpx.AsyncClient, function: str
) -> None:
    gateway = await started(start_gateway, cloud, function=function)
    event = (await client.post(f"{gateway.url}/x", content=b"text")).json()
    assert (event["rawPath"], event["body"]) == ("/x", "text")


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
async def test_it_takes_the_other_types_of_calls(
    start_gateway: GatewayMaker, cloud: Cloud, client: httpx.AsyncClient, kind: str, status: int
) -> None:
    gateway = await started(start_gateway, cloud, invocation_type=kind)
    assert (await client.get(f"{gateway.url}/")).status_code == status


@pytest.mark.parametrize("who", ["wrong secret", "stranger", "unknown"])
async def test_it_lets_nobody_else_call(
    start_gateway: GatewayMaker, cloud: Cloud, client: httpx.AsyncClient, who: str
) -> None:
    keys = {
        "wrong secret": {**cloud.iam, "secretkey": "another"},
        "stranger": cloud.stranger,
        "unknown": {**cloud.iam, "accesskey": "AKIAIOSFODNN7EXAMPLE"},
    }
    gateway = await started(start_gateway, cloud, authorization={"iam": keys[who]})
    response = await client.get(f"{gateway.url}/")
    assert (response.status_code, response.json()["code"]) == (502, "aws_auth_failed")
