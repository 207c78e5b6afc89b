"""moto's server as an AWS that is not ours: it checks signatures and permissions, then takes the call."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import httpx
import pytest

from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

pytestmark = pytest.mark.long

REGION = "eu-west-1"


@dataclass(frozen=True)
class Cloud:
    """A server with a function in it, a user who may call functions, and one who may do nothing."""

    url: str
    iam: dict[str, str]
    stranger: dict[str, str]

    def results(self, *results: str) -> None:
        """Say what the function returns next."""
        url = f"{self.url}/moto-api/static/lambda-simple/response"
        httpx.post(url, json={"results": list(results), "region": REGION}).raise_for_status()


def client_of(url: str, service: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials("testing", "testing")
    return session.create_client(service, region_name=REGION, endpoint_url=url)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("app.py", "def handler(event, context):\n    return event\n")
    return buffer.getvalue()


def create_function(url: str, role: str) -> None:
    client_of(url, "lambda").create_function(
        FunctionName="app", Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": archive()}
    )


def user(url: str, name: str) -> dict[str, str]:
    iam = client_of(url, "iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"accesskey": key["AccessKeyId"], "secretkey": key["SecretAccessKey"]}


def allow(url: str, name: str) -> None:
    # AWS asks for the first; moto names the operation instead.
    actions = ["lambda:InvokeFunction", "lambda:Invoke"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client_of(url, "iam").put_user_policy(UserName=name, PolicyName="invoke", PolicyDocument=document)


@pytest.fixture(scope="module")
def cloud(moto: str) -> Iterator[Cloud]:
    httpx.post(f"{moto}/moto-api/config", json={"lambda": {"use_docker": False}}).raise_for_status()
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = client_of(moto, "iam").create_role(RoleName="role", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    create_function(moto, role)
    known, stranger = user(moto, "gateway"), user(moto, "stranger")
    allow(moto, "gateway")
    httpx.post(f"{moto}/moto-api/reset-auth", content=b"0").raise_for_status()
    yield Cloud(moto, known, stranger)
    # The whole process checks permissions by now, other tests' servers too.
    httpx.post(f"{moto}/moto-api/reset-auth", content=b"inf").raise_for_status()


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
