"""Direct calls that are made once more: by what AWS or the network says, and by how the function is called."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.local.event_frames import invoke_complete, payload_chunk
from phasegate_aws_lambda.plugin import AwsLambda

IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key"}
FINE = Reply(body=b'{"statusCode": 201}')
CLOSED = Reply(raw=b"", close=True)


async def started(start_gateway: GatewayMaker, upstream: FakeUpstream, **config: Any) -> RunningGateway:
    plugin = {"function": "app", "endpoint": upstream.url, "authorization": {"iam": IAM}, **config}
    return await start_gateway({"routes": [{"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


def refusal(status: int, error_type: str, **headers: str) -> Reply:
    return Reply(status=status, headers={"x-amzn-ErrorType": error_type, **headers}, body=b'{"message": "no"}')


def function_error(**document: str) -> Reply:
    return Reply(headers={"X-Amz-Function-Error": "Unhandled"}, body=json.dumps(document).encode())


def streamed(*, error: str | None = None) -> Reply:
    """Return a stream that ends at once, after a head or with an error."""
    if error is None:
        frames = [payload_chunk(b'{"statusCode": 201}' + bytes(8)), invoke_complete(b"{}")]
    else:
        frames = [invoke_complete(json.dumps({"ErrorCode": error, "ErrorDetails": "x"}).encode())]
    return Reply(headers={"content-type": "application/vnd.amazon.eventstream"}, pieces=frames)


THROTTLED = refusal(429, "TooManyRequestsException")
RAISED = function_error(errorType="ValueError", errorMessage="x")
CRASHED = function_error(errorType="Runtime.ExitError", errorMessage="x")
TIMED_OUT = function_error(errorType="Sandbox.Timedout", errorMessage="x")
OPTED_IN = {"retry_on_function_error": True}
EVENT = {"invocation_type": "Event"}
DRY_RUN = {"invocation_type": "DryRun"}


@pytest.mark.parametrize(
    ("first", "method", "config", "calls"),
    [
        # The function did not run.
        (THROTTLED, "POST", {}, 2),
        (THROTTLED, "POST", EVENT, 2),
        (THROTTLED, "POST", {"mode": "invoke-stream"}, 2),
        (refusal(500, "ServiceException"), "POST", {}, 2),
        (refusal(502, "ENILimitReachedException"), "POST", {}, 2),
        (refusal(502, "EC2ThrottledException"), "POST", {}, 2),
        # Nobody knows whether it did.
        (refusal(503, ""), "GET", {}, 2),
        (refusal(503, ""), "POST", {}, 1),
        (refusal(503, ""), "POST", EVENT, 2),
        (CLOSED, "GET", {}, 2),
        (CLOSED, "POST", {}, 1),
        (CLOSED, "GET", EVENT, 1),
        (CLOSED, "POST", DRY_RUN, 2),
        (Reply(hang=True), "GET", {}, 1),
        (Reply(hang=True), "GET", {"retry_on_timeout": True}, 2),
        (Reply(hang=True), "POST", {"retry_on_timeout": True}, 1),
        (Reply(hang=True), "GET", {"retry_on_timeout": True, **EVENT}, 1),
        # It failed.
        (RAISED, "GET", {}, 1),
        (RAISED, "POST", OPTED_IN, 2),
        (RAISED, "POST", {**OPTED_IN, "function_error_status": 500}, 2),
        (CRASHED, "GET", {}, 1),
        (CRASHED, "POST", OPTED_IN, 2),
        (TIMED_OUT, "GET", OPTED_IN, 1),
        # It is in vain.
        (refusal(404, "ResourceNotFoundException"), "GET", {}, 1),
        (refusal(502, "InvalidRuntimeException"), "GET", EVENT, 1),
        (refusal(403, "AccessDeniedException"), "GET", {}, 1),
        (Reply(body=b"{"), "GET", {"payload_format": "1.0"}, 1),
    ],
)
async def test_what_is_made_once_more(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    first: Reply,
    method: str,
    config: dict[str, Any],
    calls: int,
) -> None:
    accepted = {"Event": Reply(status=202), "DryRun": Reply(status=204)}
    upstream.reply(first, accepted.get(config.get("invocation_type", ""), streamed() if "mode" in config else FINE))
    gateway = await started(start_gateway, upstream, timeout=300, **config)
    content = b"body" if method == "POST" else None
    response = await client.request(method, f"{gateway.url}/x/", content=content)
    assert len(upstream.received) == calls
    assert response.status_code < 300 if calls == 2 else response.status_code >= 400
    assert len({received.body for received in upstream.received}) == 1


@pytest.mark.parametrize(("config", "calls"), [({}, 1), (OPTED_IN, 2)])
async def test_a_stream_that_failed_before_its_head_is_an_error_of_the_function(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, config: dict[str, Any], calls: int
) -> None:
    upstream.reply(streamed(error="Runtime.ExitError"), streamed())
    gateway = await started(start_gateway, upstream, mode="invoke-stream", **config)
    response = await client.post(f"{gateway.url}/x/", content=b"body")
    assert (response.status_code, len(upstream.received)) == (201 if calls == 2 else 502, calls)


async def test_each_call_is_signed_by_itself_and_a_corrected_clock_is_no_retry(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    skewed = Reply(
        status=403,
        headers={"x-amzn-ErrorType": "InvalidSignatureException", "Date": "Wed, 01 Jan 2031 00:00:00 GMT"},
        body=b'{"message": "Signature expired: x is now earlier than y"}',
    )
    upstream.reply(THROTTLED, skewed, THROTTLED, FINE)
    gateway = await started(start_gateway, upstream, retries=2)
    assert (await client.post(f"{gateway.url}/x/", content=b"abc")).status_code == 201
    dates = [(received.get("x-amz-date") or "")[:4] for received in upstream.received]
    assert dates[2:] == ["2031", "2031"]
    assert "2031" not in dates[:2]


async def test_over_http_an_answer_is_an_answer(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(
        refusal(429, "TooManyRequestsException"), refusal(500, "ServiceException"), CLOSED, Reply(status=202)
    )
    plugin = {"function_uri": upstream.url, "authorization": {"iam": IAM}}
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
    )
    assert [(await client.get(f"{gateway.url}/x/")).status_code for _ in range(3)] == [429, 500, 202]
    assert len(upstream.received) == 4


@pytest.mark.parametrize(("asked", "calls", "told"), [("1", 2, None), ("2", 1, "2"), ("9" * 5000, 2, None)])
async def test_when_to_come_again_is_heeded_or_passed_on(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    asked: str,
    calls: int,
    told: str | None,
) -> None:
    upstream.reply(refusal(429, "TooManyRequestsException", **{"Retry-After": asked}), FINE)
    gateway = await started(start_gateway, upstream)
    response = await client.get(f"{gateway.url}/x/")
    assert (response.status_code, response.headers.get("retry-after")) == (429 if told else 201, told)
    assert len(upstream.received) == calls


async def test_a_function_that_a_request_names_has_places_of_its_own(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(hang=True), FINE)
    limits = {"max_concurrency": 1, "queue": {"size": 0}, "timeout": 20_000}
    gateway = await started(
        start_gateway, upstream, function="tenant-{header.x-t}", allowed_functions=["tenant-*"], **limits
    )

    async def ask(tenant: str) -> int:
        return (await client.get(f"{gateway.url}/x/", headers={"x-t": tenant})).status_code

    first = asyncio.create_task(ask("red"))
    await upstream.arrived(1)
    assert [await ask(tenant) for tenant in ("red", "blue", "a/b")] == [503, 201, 404]
    first.cancel()


async def test_a_client_that_reads_slowly_holds_no_place_of_a_function_that_is_done(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(body=json.dumps({"statusCode": 200, "body": "x" * 5_000_000}).encode()), FINE)
    gateway = await started(start_gateway, upstream, max_concurrency=1, queue={"size": 0})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(b"GET /x/ HTTP/1.1\r\nHost: h\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    assert (await client.get(f"{gateway.url}/x/")).status_code == 201
    writer.transport.abort()


async def test_functions_of_the_same_name_in_two_accounts_have_places_of_their_own(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(hang=True), FINE)
    plugin = {
        "function": "app",
        "endpoint": upstream.url,
        "max_concurrency": 1,
        "queue": {"size": 0},
        "timeout": 20_000,
    }
    keys = {"a": IAM, "b": IAM, "c": {**IAM, "accesskey": "AKIDOTHER"}}
    routes = [
        {"id": name, "uri": f"/{name}", "plugins": {"aws-lambda": {**plugin, "authorization": {"iam": iam}}}}
        for name, iam in keys.items()
    ]
    gateway = await start_gateway({"routes": routes}, [AwsLambda])
    first = asyncio.create_task(client.get(f"{gateway.url}/a"))
    await upstream.arrived(1)
    assert [(await client.get(f"{gateway.url}/{name}")).status_code for name in "abc"] == [503, 503, 201]
    first.cancel()


async def test_a_small_function_on_this_machine_is_not_asked_for_more_than_it_takes(
    start_gateway: GatewayMaker, local_lambda: Any, client: httpx.AsyncClient
) -> None:
    port = await local_lambda("def handler(event, context):\n    return {'statusCode': 201}\n", concurrency=1)
    iam = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
    plugin = {
        "function": "app",
        "endpoint": f"http://127.0.0.1:{port}",
        "authorization": {"iam": iam},
        "max_concurrency": 1,
        "retries": 0,
        "timeout": 10_000,
        "queue": {"timeout": 20_000},
    }
    route = {"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}
    gateway = await start_gateway({"routes": [route]}, [AwsLambda])
    responses = await asyncio.gather(*(client.get(f"{gateway.url}/x/") for _ in range(20)))
    assert {response.status_code for response in responses} == {201}
