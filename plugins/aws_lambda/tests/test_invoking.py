"""Direct calls end to end: client, gateway, the Lambda API of the local Lambda, a real function, and back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import Consumer, Credential, Exchange, Outcome, Plugin, hookimpl
from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture
async def invoking(start_gateway: GatewayMaker, local_lambda: Any) -> Any:
    async def start(source: str, uri: str = "/x/*", **config: Any) -> RunningGateway:
        port = await local_lambda(source)
        plugin = {
            "function": "app",
            "endpoint": f"http://127.0.0.1:{port}",
            "authorization": {"iam": IAM},
            **config,
        }
        return await start_gateway(
            {"routes": [{"id": "r", "uri": uri, "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
        )

    return start


async def test_a_function_is_called_by_an_event_and_answers(invoking: Any, client: httpx.AsyncClient) -> None:
    gateway = await invoking(ECHO)
    response = await client.post(
        f"{gateway.url}/x/a%2Fb/?q=1&q=2", content='{"a": "ü"}', headers={"content-type": "application/json"}
    )
    event = response.json()
    assert response.headers["content-type"] == "application/json"
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/x/a%2Fb/", "q=1&q=2")
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": "ü"}', False)
    assert event["queryStringParameters"] == {"q": "1,2"}
    assert event["pathParameters"] == {"proxy": "a%2Fb/"}
    assert event["requestContext"]["http"]["method"] == "POST"
    assert len(response.headers["x-amzn-requestid"]) == 36
    assert "x-amz-executed-version" not in response.headers


async def test_what_the_function_says_is_what_the_client_gets(invoking: Any, client: httpx.AsyncClient) -> None:
    source = """
        def handler(event, context):
            return {"statusCode": 418, "headers": {"X-Tea": "black", "Content-Type": "image/png"},
                    "cookies": ["a=1", "b=2"], "body": "AAEC/w==", "isBase64Encoded": True}
    """
    gateway = await invoking(source)
    response = await client.get(f"{gateway.url}/x/")
    assert (response.status_code, response.content) == (418, b"\x00\x01\x02\xff")
    assert (response.headers["x-tea"], response.headers["content-type"]) == ("black", "image/png")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers.get_list("server") == ["Phasegate"]


async def test_a_body_of_several_megabytes_goes_through_and_back(invoking: Any, client: httpx.AsyncClient) -> None:
    gateway = await invoking("def handler(event, context):\n    return {**event, 'statusCode': 200}\n")
    body = bytes(range(256)) * 16_000
    response = await client.post(f"{gateway.url}/x/", content=body, headers={"content-type": "image/png"})
    assert response.content == body


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
async def test_other_invocation_types(invoking: Any, client: httpx.AsyncClient, kind: str, status: int) -> None:
    gateway = await invoking(ECHO, invocation_type=kind)
    response = await client.post(f"{gateway.url}/x/", content=b"abc")
    assert (response.status_code, response.content) == (status, b"")


async def test_an_event_runs_the_function_and_nobody_waits(
    invoking: Any, client: httpx.AsyncClient, tmp_path: Any
) -> None:
    source = f"""
        def handler(event, context):
            open({str(tmp_path / "ran")!r}, "w").write(event["rawPath"])
    """
    gateway = await invoking(source, invocation_type="Event")
    assert (await client.get(f"{gateway.url}/x/later")).status_code == 202
    async with asyncio.timeout(10):
        while not (tmp_path / "ran").exists() or not (tmp_path / "ran").read_text():
            await asyncio.sleep(0.02)
    assert (tmp_path / "ran").read_text() == "/x/later"


async def test_qualifier_and_client_context_reach_the_function(invoking: Any, client: httpx.AsyncClient) -> None:
    source = "def handler(event, context):\n    return context.client_context.custom\n"
    gateway = await invoking(source, qualifier="$LATEST", client_context=json.dumps({"custom": {"a": 1}}))
    assert (await client.get(f"{gateway.url}/x/")).json() == {"a": 1}


@pytest.mark.parametrize(
    "function",
    ["app", "app:$LATEST", "123456789012:function:app", "arn:aws:lambda:us-east-1:123456789012:function:app"],
)
async def test_every_way_to_name_a_function(invoking: Any, client: httpx.AsyncClient, function: str) -> None:
    gateway = await invoking(ECHO, function=function)
    assert (await client.get(f"{gateway.url}/x/")).status_code == 200


async def test_a_route_parameter_chooses_the_function_from_those_allowed(
    invoking: Any, client: httpx.AsyncClient
) -> None:
    gateway = await invoking(ECHO, "/t/:t/*", function="{path.t}", allowed_functions=["app", "absent"])
    found = [(await client.get(f"{gateway.url}/t/{name}/")).status_code for name in ("app", "absent", "other", "a:b")]
    assert found == [200, 502, 404, 404]


@pytest.mark.parametrize(
    ("path", "resource", "params"),
    [
        ("/a/1", "/a/{x}", {"x": "1"}),
        ("/a/b", "/a/b", None),
        ("/b/1/c/2", "/b/{y}/c/{z}", {"y": "1", "z": "2"}),
        ("/t/red/a/b", "/t/{tenant}/{proxy+}", {"tenant": "red", "proxy": "a/b"}),
        ("/t/red/d/a", "/t/{tenant}/d/{proxy+}", {"tenant": "red", "proxy": "a"}),
        ("/t/red/", "/t/{tenant}/{proxy+}", {"tenant": "red"}),
    ],
)
async def test_a_rest_event_names_the_uri_that_was_matched(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    path: str,
    resource: str,
    params: dict[str, str] | None,
) -> None:
    upstream.reply(Reply(body=b'{"statusCode": 200}'))
    uris = ["/a/:x", "/a/b", "/b/:y/c/:z", "/t/:tenant/*", "/t/:tenant/d/*"]
    plugin = {"function": "app", "endpoint": upstream.url, "payload_format": "1.0"}
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uris": uris, "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
    )
    await client.get(f"{gateway.url}{path}")
    event = json.loads(upstream.received[0].body)
    assert (event["resource"], event["pathParameters"]) == (resource, params)


async def test_a_header_chooses_the_function(invoking: Any, client: httpx.AsyncClient) -> None:
    gateway = await invoking(ECHO, function="{header.x-fn}", allowed_functions=["ap*"])
    sent: tuple[dict[str, str], ...] = ({"x-fn": "app"}, {}, {"x-fn": "nope"})
    assert [(await client.get(f"{gateway.url}/x/", headers=headers)).status_code for headers in sent] == [200, 404, 404]


async def test_an_event_shows_the_path_as_received_where_that_is_asked_for(
    invoking: Any, client: httpx.AsyncClient
) -> None:
    gateway = await invoking(ECHO, event_path="original")
    assert (await client.get(f"{gateway.url}/x/a?b=c")).json()["rawPath"] == "/x/a"


async def test_the_client_is_told_of_and_its_own_aws_headers_are_the_events_alone(
    invoking: Any, client: httpx.AsyncClient
) -> None:
    gateway = await invoking(ECHO)
    sent = {
        "te": "trailers",
        "x-amz-date": "20200101T000000Z",
        "authorization": "Basic eDp5",
        "cookie": "a=1; b=2",
        "host": "shop.test:81",
    }
    event = (await client.get(f"{gateway.url}/x/", headers=sent)).json()
    assert event["headers"]["x-amz-date"] == "20200101T000000Z"
    assert event["headers"]["authorization"] == "Basic eDp5"
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["requestContext"]["domainName"] == "shop.test"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert not {"connection", "transfer-encoding", "te"} & event["headers"].keys()


async def test_traceparent_becomes_the_trace_of_aws(invoking: Any, client: httpx.AsyncClient) -> None:
    gateway = await invoking(ECHO)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = (await client.get(f"{gateway.url}/x/", headers={"traceparent": parent})).json()
    expected = "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
    assert event["headers"]["x-amzn-trace-id"] == expected


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_head_reaches_the_function_as_head_and_has_no_body(
    invoking: Any, client: httpx.AsyncClient, method: str
) -> None:
    source = "def handler(event, context):\n    return event['requestContext']['http']['method']\n"
    gateway = await invoking(source)
    response = await client.request(method, f"{gateway.url}/x/")
    assert response.headers["content-length"] == str(len(method))
    assert response.text == ("" if method == "HEAD" else "GET")


async def test_a_call_can_be_signed_in_its_query(invoking: Any, client: httpx.AsyncClient) -> None:
    gateway = await invoking(ECHO, sign_location="query", qualifier="$LATEST")
    assert (await client.post(f"{gateway.url}/x/", content=b"abc")).json()["body"] == "abc"


async def test_http2_clients_are_served_alike(invoking: Any) -> None:
    gateway = await invoking(ECHO)
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        cookies = [("cookie", "a=1"), ("cookie", "b=2")]
        event = (await client.get(f"{gateway.url}/x/", headers=cookies)).json()
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["host"] == f"127.0.0.1:{gateway.port}"
    assert event["requestContext"]["http"]["protocol"] == "HTTP/2"


@dataclass(kw_only=True)
class Doorkeeper(Plugin):
    """Knows everybody as Jane."""

    name: ClassVar[str] = "doorkeeper"
    consumer_schema: ClassVar = {"key": {"type": "string", "required": True}}
    consumer_key: ClassVar[str | None] = "key"

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        return Outcome.ok(Consumer("jane", group_id="staff"), Credential("jane/door", "doorkeeper", {}, "jane/door"))


@pytest.mark.parametrize(
    ("payload_format", "told"),
    [
        ("2.0", {"lambda": {"username": "jane", "groups": "staff", "credentialIdentifier": "jane/door"}}),
        (
            "1.0",
            {"principalId": "jane", "username": "jane", "groups": "staff", "credentialIdentifier": "jane/door"},
        ),
    ],
)
async def test_a_function_is_told_of_the_caller(
    start_gateway: GatewayMaker,
    local_lambda: Any,
    client: httpx.AsyncClient,
    payload_format: str,
    told: dict[str, Any],
) -> None:
    plugin = {
        "function": "app",
        "endpoint": f"http://127.0.0.1:{await local_lambda(ECHO)}",
        "authorization": {"iam": IAM},
        "payload_format": payload_format,
    }
    route = {"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin, "doorkeeper": {}}}
    gateway = await start_gateway({"routes": [route]}, [AwsLambda, Doorkeeper])
    event = (await client.get(gateway.url)).json()
    assert event["requestContext"]["authorizer"] == told
    assert event["headers"]["x-consumer-username"] == "jane"


async def test_a_204_has_no_body(invoking: Any, client: httpx.AsyncClient) -> None:
    gateway = await invoking("def handler(event, context):\n    return {'statusCode': 204, 'body': 'x'}\n")
    response = await client.get(f"{gateway.url}/x/")
    assert (response.status_code, response.content) == (204, b"")
