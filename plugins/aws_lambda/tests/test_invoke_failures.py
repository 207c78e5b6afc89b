"""Every way in which a direct call fails, end to end: what AWS says, and what the client and the log are told."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from botocore.loaders import Loader

from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker

from .api_answers import AWS_ID, ERROR, function_error, refusal, started, success

# Every error of the Invoke operation: its name, and how it is answered.
REFUSALS = {
    "TooManyRequestsException": (429, "upstream_throttled"),
    "EC2ThrottledException": (429, "upstream_throttled"),
    "ServiceQuotaExceededException": (503, "upstream_throttled"),
    "RequestTooLargeException": (413, "payload_too_large"),
    "SerializedRequestEntityTooLargeException": (413, "payload_too_large"),
    "InvalidRequestContentException": (502, "bad_payload"),
    "InvalidParameterValueException": (502, "aws_service_error"),
    "UnsupportedMediaTypeException": (415, "unsupported_media"),
    "ResourceNotFoundException": (502, "function_not_found"),
    "NoPublishedVersionException": (502, "function_not_found"),
    "ResourceConflictException": (503, "function_not_ready"),
    "ResourceNotReadyException": (503, "function_not_ready"),
    "SnapStartNotReadyException": (503, "function_not_ready"),
    "ENINotReadyException": (503, "function_not_ready"),
    "CodeArtifactUserPendingException": (503, "function_not_ready"),
    "SnapStartTimeoutException": (504, "function_init_timeout"),
    "EFSMountConnectivityException": (504, "function_init_timeout"),
    "EFSMountTimeoutException": (504, "function_init_timeout"),
    "S3FilesMountConnectivityException": (504, "function_init_timeout"),
    "S3FilesMountTimeoutException": (504, "function_init_timeout"),
    "RecursiveInvocationException": (508, "recursive_invocation"),
    "ServiceException": (502, "aws_service_error"),
    "DurableExecutionAlreadyStartedException": (503, "function_not_ready"),
    **dict.fromkeys(
        (
            *("InvalidSecurityGroupIDException", "InvalidSubnetIDException", "SubnetIPAddressLimitReachedException"),
            *("KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"),
            *("EC2AccessDeniedException", "EC2UnexpectedException", "ENILimitReachedException"),
            *("InvalidRuntimeException", "InvalidZipFileException", "RuntimeAliasDeletedException"),
            *("RuntimeVersionDeletedException", "CodeArtifactUserDeletedException", "CodeArtifactUserFailedException"),
            *("EFSIOException", "EFSMountFailureException", "S3FilesMountFailureException", "SnapStartException"),
            *("SnapStartRegenerationFailureException", "ModeNotSupportedException"),
        ),
        (502, "function_environment"),
    ),
}
# What the front end of every AWS service can answer beside the operation's own.
COMMON = {
    "AccessDeniedException": 403,
    "InvalidSignatureException": 403,
    "SignatureDoesNotMatch": 403,
    "UnrecognizedClientException": 403,
    "ExpiredTokenException": 403,
    "MissingAuthenticationTokenException": 403,
    "IncompleteSignatureException": 400,
}


def modelled() -> dict[str, int]:
    """Return the errors of Invoke and InvokeWithResponseStream with their statuses, as botocore's model has them."""
    model = Loader().load_service_model("lambda", "service-2")
    names = {
        error["shape"]
        for operation in ("Invoke", "InvokeWithResponseStream")
        for error in model["operations"][operation]["errors"]
    }
    return {name: model["shapes"][name]["error"]["httpStatusCode"] for name in names}


MODELLED = modelled()


def test_no_error_of_the_api_is_left_out() -> None:
    assert REFUSALS.keys() == MODELLED.keys()


CASES = [
    *((name, MODELLED[name], *REFUSALS[name]) for name in sorted(REFUSALS)),
    *((name, status, 502, "aws_auth_failed") for name, status in COMMON.items()),
    *(
        ("", status, *expected)
        for status, expected in {
            301: (502, "aws_service_error"),
            400: (502, "aws_service_error"),
            401: (502, "aws_auth_failed"),
            403: (502, "aws_auth_failed"),
            404: (502, "function_not_found"),
            408: (504, "function_init_timeout"),
            409: (503, "function_not_ready"),
            413: (413, "payload_too_large"),
            415: (415, "unsupported_media"),
            418: (502, "aws_service_error"),
            429: (429, "upstream_throttled"),
            500: (502, "aws_service_error"),
            503: (502, "aws_service_error"),
            201: (502, "aws_service_error"),
            202: (502, "aws_service_error"),
            204: (502, "aws_service_error"),
        }.items()
    ),
    ("SomethingNewException", 500, 502, "aws_service_error"),
]
# The function did not run; and what nobody knows, which a GET may find out.
CALLED_TWICE = {
    *("TooManyRequestsException", "EC2ThrottledException", "ServiceException", "ENILimitReachedException"),
    *("ENINotReadyException", "EC2UnexpectedException", "SomethingNewException"),
}
UNNAMED_CALLED_TWICE = {429, 500, 503}


@pytest.mark.parametrize(("name", "sent", "status", "code"), CASES)
async def test_a_refusal_of_the_api_is_told_by_its_own_code(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    name: str,
    sent: int,
    status: int,
    code: str,
) -> None:
    upstream.reply(refusal(sent, f"{name}:http://internal.amazon.com/coral/" if name else ""))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["aws_request_id"] == response.headers["x-amzn-requestid"] == AWS_ID
    assert "what AWS says" not in response.text
    assert ("retry-after" in response.headers) == (code in ("upstream_throttled", "function_not_ready"))
    causes = [record.cause for record in caplog.records if record.msg == "request failed"]  # type: ignore[attr-defined]
    assert len(causes) == 1
    assert name in causes[0]
    twice = name in CALLED_TWICE if name else sent in UNNAMED_CALLED_TWICE
    assert len(upstream.received) == (2 if twice else 1)


FUNCTION_FAILURES = [
    ({"errorType": "ValueError", "errorMessage": ERROR}, 502, "function_error"),
    ({"errorMessage": ERROR}, 502, "function_error"),
    ({}, 502, "function_error"),
    (
        {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: x Error: Task timed out after 3.00 seconds"},
        504,
        "function_timeout",
    ),
    ({"errorMessage": "2026-01-01T00:00:00.000Z 7ddd7b31 Task timed out after 3.00 seconds"}, 504, "function_timeout"),
    ({"errorType": "ValueError", "errorMessage": "Task timed out after 3.00 seconds"}, 502, "function_error"),
    (
        {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": "Response payload size exceeded"},
        502,
        "response_too_large",
    ),
    (
        {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: signal: killed"},
        502,
        "function_crash",
    ),
    ({"errorType": "Runtime.OutOfMemory", "errorMessage": "Runtime exited"}, 502, "function_crash"),
    ({"errorMessage": "RequestId: x Process exited before completing request"}, 502, "function_crash"),
    (
        {"errorType": "Runtime.ImportModuleError", "errorMessage": "Unable to import module 'app'"},
        502,
        "function_error",
    ),
]


@pytest.mark.parametrize("kind", ["Handled", "Unhandled"])
@pytest.mark.parametrize(("document", "status", "code"), FUNCTION_FAILURES)
async def test_a_function_that_failed_is_never_a_success(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    document: dict[str, str],
    status: int,
    code: str,
    kind: str,
) -> None:
    upstream.reply(function_error(kind, **document))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["aws_request_id"] == AWS_ID
    assert ERROR not in response.text


async def test_a_failed_function_that_speaks_of_success_is_a_failure(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(function_error(statusCode=200, body="fine"))
    assert (await client.get(f"{(await started(start_gateway, upstream)).url}/x/")).status_code == 502


MALFORMED = [
    b"",
    b"{",
    b"null",
    b'"text"',
    b"{}",
    b'{"statusCode": 99}',
    b'{"statusCode": 200, "headers": {"a b": "c"}}',
]


@pytest.mark.parametrize("body", MALFORMED)
async def test_an_answer_that_is_not_of_its_format(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
) -> None:
    upstream.reply(success(body))
    response = await client.get(f"{(await started(start_gateway, upstream, payload_format='1.0')).url}/x/")
    assert (response.status_code, response.json()["code"]) == (502, "malformed_response")
    assert "not of format 1.0" in caplog.text or any("not of format 1.0" in str(vars(r)) for r in caplog.records)


async def test_an_answer_without_end_is_too_large(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(pieces=[bytes(1 << 20)] * 9))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    assert (response.status_code, response.json()["code"]) == (502, "response_too_large")


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(hang=True), 504, "upstream_timeout"),
        (Reply(raw=b"", close=True), 502, "upstream_unreachable"),
        (Reply(raw=b"garbage\r\n\r\n", close=True), 502, "malformed_response"),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", close=True), 502, "stream_aborted"),
    ],
)
async def test_a_call_that_breaks_on_the_way(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    reply: Reply,
    status: int,
    code: str,
) -> None:
    upstream.reply(reply)
    response = await client.get(f"{(await started(start_gateway, upstream, timeout=300)).url}/x/")
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_what_the_client_sent_can_be_its_own_fault_with_raw(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(refusal(400, "InvalidRequestContentException"), refusal(400, "InvalidParameterValueException"))
    gateway = await started(start_gateway, upstream, payload_format="raw")
    told = [await client.post(f"{gateway.url}/x/", content=content) for content in (b"{}", b"{}", b"not json")]
    assert [(found.status_code, found.json()["code"]) for found in told] == [
        (400, "bad_payload"),
        (502, "aws_service_error"),
        (400, "bad_payload"),
    ]
    assert len(upstream.received) == 2


async def test_a_call_for_which_there_is_no_place_is_told_as_such(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(hang=True))
    gateway = await started(start_gateway, upstream, max_concurrency=1, queue={"size": 0}, timeout=20_000)
    first = asyncio.create_task(client.get(f"{gateway.url}/x/"))
    await upstream.arrived(1)
    response = await client.get(f"{gateway.url}/x/")
    problem = response.json()
    assert (response.status_code, problem["code"], response.headers["retry-after"]) == (503, "overloaded", "1")
    assert len(upstream.received) == 1
    first.cancel()


async def test_a_body_that_is_no_text_where_only_text_may_be(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    gateway = await started(start_gateway, upstream, binary="never")
    response = await client.post(f"{gateway.url}/x/", content=b"\xff")
    assert (response.status_code, response.json()["code"], upstream.received) == (415, "unsupported_media", [])
