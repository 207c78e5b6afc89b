"""What client and log are told of a direct call, and what of it stays here: times, causes, limits, credentials."""

from __future__ import annotations

import base64
import logging

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker

from .api_answers import AWS_ID, IAM, function_error, refusal, started, success


async def test_when_to_come_again_is_what_aws_says(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(
        refusal(429, "TooManyRequestsException", {"Retry-After": "7"}),
        refusal(429, "TooManyRequestsException", retryAfterSeconds="9"),
        refusal(429, "TooManyRequestsException"),
    )
    gateway = await started(start_gateway, upstream, throttle_status=503)
    found = [await client.get(f"{gateway.url}/x/") for _ in range(3)]
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in found] == [
        (503, "7"),
        (503, "9"),
        (503, "1"),
    ]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            refusal(429, "TooManyRequestsException", Reason="ReservedFunctionConcurrentInvocationLimitExceeded"),
            "429 TooManyRequestsException: what AWS says (ReservedFunctionConcurrentInvocationLimitExceeded)",
        ),
        (Reply(status=403, body=b"<html>a proxy's page</html>"), "AWS answered 403: <html>a proxy's page</html>"),
        (Reply(status=500, body=bytes(300)), "AWS answered 500: " + "\0" * 200),
        (Reply(status=500), "AWS answered 500: nothing more"),
        (Reply(headers={"X-Amz-Function-Error": "Unhandled"}, body=b'[1, "x"]'), 'error: [1, "x"]'),
        (function_error(errorType="ValueError"), 'ValueError: {"errorType": "ValueError"}'),
    ],
)
async def test_the_log_has_what_there_is_to_say_of_a_failure(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    told: str,
) -> None:
    upstream.reply(reply)
    await client.get(f"{(await started(start_gateway, upstream, retries=0)).url}/x/")
    cause = next(vars(record)["cause"] for record in caplog.records if record.msg == "request failed")
    assert cause.endswith(told)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ([], "tenant-{header.x-v}: {header.x-v} can't be missing"),
        ([("x-v", "a:b")], "tenant-{header.x-v}: {header.x-v} can't be 'a:b'"),
        ([("x-v", "a"), ("x-v", "b")], "tenant-{header.x-v}: {header.x-v} can't be 'a' and 'b'"),
        ([("x-v", "red")], "tenant-{header.x-v}: 'tenant-red' is none of allowed_functions"),
    ],
)
async def test_the_log_says_why_a_function_may_not_be_called(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    headers: list[tuple[str, str]],
    told: str,
) -> None:
    config = {"function": "tenant-{header.x-v}", "allowed_functions": ["tenant-blue"]}
    response = await client.get(f"{(await started(start_gateway, upstream, **config)).url}/x/", headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "function_not_allowed")
    assert [vars(record)["cause"] for record in caplog.records if record.msg == "request failed"] == [told]
    assert upstream.received == []


@pytest.mark.parametrize(
    ("tenant", "status"),
    [("user@example.com", 200), ("a b", 200), ("a;b", 400), ("a" * 257, 400), (None, 400)],
)
async def test_a_tenant_is_whatever_aws_takes(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, tenant: str | None, status: int
) -> None:
    upstream.reply(success(b'{"statusCode": 200}'))
    gateway = await started(start_gateway, upstream, tenant_id="{header.x-t}")
    response = await client.get(f"{gateway.url}/x/", headers={"x-t": tenant} if tenant else {})
    assert response.status_code == status
    assert [sent.get("x-amz-tenant-id") for sent in upstream.received] == ([tenant] if status == 200 else [])


@pytest.mark.parametrize("key", ["function_error_status", "unhandled_status"])
async def test_the_status_of_a_functions_exception_can_be_chosen(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, key: str
) -> None:
    upstream.reply(function_error(errorType="ValueError", errorMessage="x"))
    response = await client.get(f"{(await started(start_gateway, upstream, **{key: 500})).url}/x/")
    assert (response.status_code, response.json()["code"]) == (500, "function_error")


async def test_a_wrong_clock_is_corrected_once_and_no_second_refusal_gets_through(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    expired = {"message": "Signature expired: 20200101T000000Z is now earlier than 20260101T000000Z"}
    upstream.reply(
        refusal(403, "InvalidSignatureException", {"Date": "Wed, 01 Jan 2031 00:00:00 GMT"}, **expired),
        success(b'{"statusCode": 201}'),
        refusal(403, "InvalidSignatureException", {"Date": "Thu, 01 Jan 2032 00:00:00 GMT"}, **expired),
        refusal(403, "InvalidSignatureException", {"Date": "Fri, 01 Jan 2033 00:00:00 GMT"}, **expired),
    )
    gateway = await started(start_gateway, upstream)
    assert (await client.post(f"{gateway.url}/x/", content=b"abc")).status_code == 201
    assert (upstream.received[1].get("x-amz-date") or "").startswith("20310101")
    assert upstream.received[0].body == upstream.received[1].body
    assert (await client.get(f"{gateway.url}/x/")).status_code == 502
    assert len(upstream.received) == 4


async def test_no_log_and_no_client_sees_the_session_token(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    message = f"The Canonical String should have been x-amz-security-token:{IAM['session_token']} " * 9
    upstream.reply(refusal(403, "InvalidSignatureException", message=message))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    told = response.text + "".join(str(vars(record)) for record in caplog.records)
    assert "x-amz-security-token:***" in told
    assert IAM["session_token"] not in told


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6_291_556), ("Event", 1_048_576)])
@pytest.mark.parametrize("content_type", ["text/plain", "image/png"])
async def test_an_event_over_the_limit_is_never_sent(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    kind: str,
    limit: int,
    content_type: str,
) -> None:
    upstream.reply(Reply(status=200 if kind == "RequestResponse" else 202, body=b'{"statusCode": 200}'))
    gateway = await started(start_gateway, upstream, invocation_type=kind, timeout=10_000)

    async def post(size: int) -> int:
        headers = {"content-type": content_type}
        return (await client.post(f"{gateway.url}/x/", content=b"a" * size, headers=headers)).status_code

    room = limit if content_type == "text/plain" else limit * 3 // 4
    assert await post(room - 3000) < 300
    assert len(upstream.received[0].body) <= limit
    assert [await post(room - 300), await post(room), await post(limit + 1)] == [413, 413, 413]
    assert len(upstream.received) == 1


async def test_what_the_api_says_of_itself_stays_here(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    tail = base64.b64encode(b"START\nREPORT RequestId: x\tDuration: 1.5 ms\tBilled Duration: 2 ms\n").decode()
    fields = {"X-Amz-Executed-Version": "7", "X-Amz-Log-Result": tail, "X-Amzn-Trace-Id": "Root=1", "Set-Cookie": "a=1"}
    upstream.reply(success(b'{"statusCode": 200, "headers": {"x-own": "1"}}', **fields))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    assert set(response.headers) == {"x-own", "x-amzn-requestid", "server", "date", "content-length"}


@pytest.mark.parametrize(
    ("exposed", "answered", "failed"),
    [
        ([], set(), set()),
        (["executed-version"], {"x-amz-executed-version"}, {"x-amz-executed-version"}),
        (
            ["request-id", "function-error"],
            {"x-amzn-requestid"},
            {"x-amzn-requestid", "x-amz-function-error"},
        ),
    ],
)
async def test_what_the_api_says_of_itself_is_shown_where_that_is_asked_for(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    exposed: list[str],
    answered: set[str],
    failed: set[str],
) -> None:
    version = {"X-Amz-Executed-Version": "7", "x-amzn-RequestId": AWS_ID}
    error = Reply(headers={**version, "X-Amz-Function-Error": "Unhandled"}, body=b"{}")
    upstream.reply(Reply(headers=version, body=b'{"statusCode": 200}'), error)
    gateway = await started(start_gateway, upstream, expose_aws_headers=exposed)
    for expected in (answered, failed):
        response = await client.get(f"{gateway.url}/x/")
        assert {name for name in response.headers if name.startswith("x-amz")} == expected
    assert response.json()["aws_request_id"] == AWS_ID


async def test_the_call_is_what_the_api_wants(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(success(b'{"statusCode": 200}'))
    function = "arn:aws:lambda:us-east-1:123456789012:function:app"
    gateway = await started(start_gateway, upstream, function=function, qualifier="$LATEST", tenant_id="{header.x-t}")
    await client.get(f"{gateway.url}/x/", headers={"x-t": "blue"})
    sent = upstream.received[0]
    path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aapp/invocations"
    assert (sent.method, sent.target) == ("POST", f"{path}?Qualifier=%24LATEST")
    assert sent.get("host") == "lambda.us-east-1.amazonaws.com"
    assert (sent.get("x-amz-invocation-type"), sent.get("x-amz-log-type")) == ("RequestResponse", "Tail")
    assert sent.get("x-amz-tenant-id") == "blue"
    assert "/us-east-1/lambda/aws4_request" in (sent.get("authorization") or "")
    assert {name for name, _ in sent.headers} == {
        *("host", "content-type", "content-length", "authorization", "x-amz-date", "x-amz-content-sha256"),
        *("x-amz-security-token", "x-amz-invocation-type", "x-amz-log-type", "x-amz-tenant-id"),
    }
    assert (await client.get(f"{gateway.url}/x/")).json()["code"] == "tenant_missing"
