"""Both faces over real sockets, with real child processes behind them."""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from phasegate_aws_lambda.local.function import Function
from phasegate_aws_lambda.local.keys import Credentials, Keys
from phasegate_aws_lambda.local.listener import Listener
from phasegate_aws_lambda.local.log import Log
from phasegate_aws_lambda.local.pool import Pool
from phasegate_aws_lambda.local.rest_face import RestFace

pytestmark = pytest.mark.long

ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps({"event": event, "id": context.aws_request_id})}
"""
HANGING = """
    import threading

    def handler(event, context):
        if running := (event["queryStringParameters"] or {}).get("running"):
            open(running, "wb").close()
        threading.Event().wait()
"""
KEYS = Keys("the-api-key", Credentials("AKIDEXAMPLE", "the-secret-key", "the-session-token"))

Serving = Callable[..., Awaitable[tuple[int, int]]]
Send = Callable[..., Awaitable[httpx.Response]]


def returning(expression: str) -> str:
    return f"def handler(event, context):\n    return {expression}\n"


def signed(
    port: int, target: str, method: str = "GET", body: bytes = b"", secret: str = "the-secret-key"
) -> Sequence[tuple[str, str]]:
    """Return the headers with which botocore signs a request to a local port."""
    request = AWSRequest(method=method, url=f"http://127.0.0.1:{port}{target}", data=body)
    credentials = BotoCredentials("AKIDEXAMPLE", secret, "the-session-token")
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    return list(request.headers.items())


async def test_rest_call_reaches_the_handler_as_sent(serving: Serving, send: Send) -> None:
    rest, _ = await serving(ECHO)
    headers = [("Content-Type", "application/json"), ("X-Many", "1"), ("X-Many", "2")]
    response = await send(rest, "/prod/a%2Fb//c/?x=1&x=2", "POST", headers, b'{"a": 1}')
    event = response.json()["event"]
    assert (event["httpMethod"], event["path"], event["body"]) == ("POST", "/a%2Fb//c/", '{"a": 1}')
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["requestContext"]["requestId"] == response.headers["x-amzn-RequestId"]


async def test_url_call_reaches_the_handler_as_sent(serving: Serving, send: Send) -> None:
    _, url = await serving(ECHO)
    response = await send(url, "/a%2Fb//c/?x=1&x=2", "PUT", [("Cookie", "a=1; b=2")], b"\xff\x00")
    event = response.json()["event"]
    assert (event["rawPath"], event["rawQueryString"], event["cookies"]) == ("/a%2Fb//c/", "x=1&x=2", ["a=1", "b=2"])
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)
    assert response.json()["id"] == event["requestContext"]["requestId"] == response.headers["x-amzn-RequestId"]


async def test_answers_carry_the_ids_of_aws(serving: Serving, send: Send) -> None:
    rest, url = await serving(returning("{'statusCode': 200}"))
    trace = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=0")
    for response in (await send(rest, "/prod/"), await send(url, "/")):
        assert trace.fullmatch(response.headers["X-Amzn-Trace-Id"])
        assert len(response.headers["x-amzn-RequestId"]) == 36
    assert "x-amz-apigw-id" in (await send(rest, "/prod/")).headers
    assert "x-amz-apigw-id" not in (await send(url, "/")).headers


async def test_trace_of_the_client_goes_on(serving: Serving, send: Send) -> None:
    rest, _ = await serving(ECHO)
    response = await send(rest, "/prod/", headers=[("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")])
    assert response.headers["X-Amzn-Trace-Id"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert response.json()["event"]["headers"]["X-Amzn-Trace-Id"] == "Root=1-5759e988-bd862e3fe1be46a994272793"


async def test_binary_body_survives_both_ways(serving: Serving, send: Send) -> None:
    source = """
        def handler(event, context):
            assert event["isBase64Encoded"]
            return {"statusCode": 200, "headers": {"Content-Type": "image/png"},
                    "body": event["body"], "isBase64Encoded": True}
    """
    body = bytes(range(256)) * 300
    for port in await serving(source):
        response = await send(port, "/prod/x", "POST", [("Content-Type", "image/png")], body)
        assert (response.content, response.headers["Content-Type"]) == (body, "image/png")


async def test_encoded_body_is_not_decoded(serving: Serving, send: Send) -> None:
    _, url = await serving(ECHO)
    headers = [("Content-Encoding", "gzip"), ("Content-Type", "text/plain")]
    response = await send(url, "/", "POST", headers, b"not gzip at all")
    assert response.json()["event"]["body"] == "bm90IGd6aXAgYXQgYWxs"


async def test_set_cookie_is_never_joined(serving: Serving, send: Send) -> None:
    rest, url = await serving(
        "def handler(event, context):\n"
        "    if event['version'] == '1.0':\n"
        "        return {'statusCode': 200, 'multiValueHeaders': {'Set-Cookie': ['a=1', 'b=2']}}\n"
        "    return {'statusCode': 200, 'cookies': ['a=1', 'b=2']}\n"
    )
    for response in (await send(rest, "/prod/"), await send(url, "/")):
        assert response.headers.get_list("Set-Cookie") == ["a=1", "b=2"]


async def test_rest_renames_a_challenge(serving: Serving, send: Send) -> None:
    rest, url = await serving(returning("{'statusCode': 401, 'headers': {'WWW-Authenticate': 'Basic'}}"))
    response = await send(rest, "/prod/")
    assert "WWW-Authenticate" not in response.headers
    assert response.headers["x-amzn-Remapped-WWW-Authenticate"] == "Basic"
    assert (await send(url, "/")).headers["WWW-Authenticate"] == "Basic"


async def test_head_has_the_length_and_no_body(serving: Serving, send: Send) -> None:
    rest, _ = await serving(returning("{'statusCode': 200, 'body': 'four'}"))
    response = await send(rest, "/prod/", "HEAD")
    assert (response.content, response.headers["Content-Length"]) == (b"", "4")


@pytest.mark.parametrize("status", [204, 304])
async def test_status_without_a_body_has_none(serving: Serving, send: Send, status: int) -> None:
    for port in await serving(returning(f"{{'statusCode': {status}, 'body': 'dropped'}}")):
        response = await send(port, "/prod/")
        assert (response.status_code, response.content) == (status, b"")


async def test_path_without_a_stage_is_forbidden(serving: Serving, send: Send) -> None:
    rest, _ = await serving(ECHO)
    response = await send(rest, "/")
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("headers", [[], [("x-api-key", "wrong")], [("X-API-Key", "the-api-ke")], [("x-api-key", "ü")]])
async def test_rest_without_its_key_is_forbidden(serving: Serving, send: Send, headers: list[tuple[str, str]]) -> None:
    rest, _ = await serving(ECHO, KEYS)
    response = await send(rest, "/prod/", headers=headers)
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})
    assert response.headers["x-amzn-ErrorType"] == "ForbiddenException"


async def test_rest_with_its_key_is_served(serving: Serving, send: Send) -> None:
    rest, _ = await serving(ECHO, KEYS)
    response = await send(rest, "/prod/", headers=[("x-api-key", "the-api-key")])
    assert response.json()["event"]["requestContext"]["identity"]["apiKey"] == "the-api-key"


async def test_signed_url_call_is_served_and_names_its_caller(serving: Serving, send: Send) -> None:
    _, url = await serving(ECHO, KEYS)
    target = "/a%20b/%C3%BC?x=1&y=%20"
    response = await send(url, target, "POST", signed(url, target, "POST", b"body"), b"body")
    event = response.json()["event"]
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == "AKIDEXAMPLE"
    assert event["rawPath"] == "/a%20b/%C3%BC"


async def test_unsigned_url_call_is_refused(serving: Serving, send: Send) -> None:
    _, url = await serving(ECHO, KEYS)
    response = await send(url, "/")
    assert (response.status_code, response.json()) == (403, {"message": "Missing Authentication Token"})
    assert response.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


async def test_badly_signed_url_call_is_explained(serving: Serving, send: Send, logged: io.StringIO) -> None:
    _, url = await serving(ECHO, KEYS)
    response = await send(url, "/", headers=signed(url, "/", secret="another"))
    assert response.headers["x-amzn-ErrorType"] == "InvalidSignatureException"
    assert "The Canonical String for this request should have been" in response.json()["message"]
    assert "Function URL: 403 InvalidSignatureException" in logged.getvalue()
    assert "the-session-token" not in logged.getvalue()


async def test_tampered_signed_call_is_refused(serving: Serving, send: Send) -> None:
    _, url = await serving(ECHO, KEYS)
    response = await send(url, "/?x=2", headers=signed(url, "/?x=1"))
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("def handler(event, context):\n    raise KeyError\n", "KeyError"),
        ("import os\ndef handler(event, context):\n    os._exit(1)\n", "Runtime.ExitError"),
        ("import threading\ndef handler(event, context):\n    threading.Event().wait()\n", "Task timed out after 1.00"),
    ],
)
async def test_function_error_is_a_502_and_in_the_log(
    serving: Serving, send: Send, logged: io.StringIO, source: str, error: str
) -> None:
    rest, url = await serving(source, timeout_seconds=1.0)
    response = await send(rest, "/prod/")
    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})
    assert response.headers["x-amzn-ErrorType"] == "InternalServerErrorException"
    response = await send(url, "/")
    assert (response.status_code, response.content) == (502, b"Internal Server Error")
    assert logged.getvalue().count(error) >= 2


async def test_malformed_result_is_a_502_and_explained_in_the_log(
    serving: Serving, send: Send, logged: io.StringIO
) -> None:
    rest, url = await serving(returning("{'statusCode': 200, 'body': {}}"))
    assert [(await send(port, "/prod/")).status_code for port in (rest, url)] == [502, 502]
    assert "Malformed Lambda proxy response: body must be a string, not an object" in logged.getvalue()


async def test_url_result_without_a_status_is_a_200(serving: Serving, send: Send) -> None:
    _, url = await serving(returning("{'message': 'hi'}"))
    response = await send(url, "/")
    assert (response.status_code, response.content) == (200, b'{"message":"hi"}')
    assert response.headers["Content-Type"] == "application/json"


async def test_body_over_the_limit_is_413(serving: Serving, send: Send) -> None:
    rest, url = await serving(ECHO)
    response = await send(rest, "/prod/", "POST", body=b"x" * 10_485_761)
    message = {"message": "HTTP content length exceeded 10485760 bytes."}
    assert (response.status_code, response.json()) == (413, message)
    response = await send(url, "/", "POST", body=b"x" * 6_291_457)
    assert response.status_code == 413
    assert response.json()["Message"].startswith("Request must be smaller than 6291456 bytes")


async def test_event_over_lambdas_limit_is_rejected(serving: Serving, send: Send) -> None:
    # 6 MB of binary fit each face's own limit and, as base64, no longer Lambda's.
    rest, url = await serving(ECHO)
    headers, body = [("Content-Type", "image/png")], b"\xff" * 6_000_000
    assert [(await send(port, "/s", "POST", headers, body)).status_code for port in (rest, url)] == [500, 413]


async def test_expectation_is_met_before_the_body(serving: Serving) -> None:
    _, url = await serving(ECHO)
    reader, writer = await asyncio.open_connection("127.0.0.1", url)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_throttled_call_is_refused_as_each_front_end_does(serving: Serving, send: Send, tmp_path: Path) -> None:
    running = tmp_path / "running"
    os.mkfifo(running)
    rest, url = await serving(HANGING, concurrency=1)
    busy = asyncio.ensure_future(send(url, f"/?running={running}"))
    (await asyncio.to_thread(running.open, "rb")).close()
    throttled = await send(url, "/")
    assert throttled.status_code == 429
    assert throttled.json() == {
        "Reason": "ConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }
    assert throttled.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    response = await send(rest, "/prod/")
    assert (response.status_code, response.json()) == (500, {"message": "Internal server error"})
    busy.cancel()


async def test_integration_that_takes_too_long_is_a_504(
    written: Callable[..., Function], pool_of: Callable[..., Pool], send: Send, logged: io.StringIO
) -> None:
    face = RestFace(pool_of(written(HANGING)), Log(logged), api_key=None, timeout_seconds=0.05)
    listener = Listener(face)
    port = await listener.open("127.0.0.1", 0)
    response = await send(port, "/prod/")
    assert (response.status_code, response.json()) == (504, {"message": "Endpoint request timed out"})
    await listener.close()


async def test_saved_code_takes_effect(
    serving: Serving, written: Callable[..., Function], send: Send, logged: io.StringIO
) -> None:
    rest, url = await serving(returning("'old'"))
    assert (await send(url, "/")).text == "old"
    written(returning("{'statusCode': 203}"))
    async with asyncio.timeout(10):
        while (await send(rest, "/prod/")).status_code != 203:
            pass
    assert "Reloading: app.py changed" in logged.getvalue()


async def test_saved_code_that_is_broken_answers_errors_until_it_is_mended(
    serving: Serving, written: Callable[..., Function], send: Send, logged: io.StringIO
) -> None:
    _, url = await serving(returning("'first'"))
    for source, status in (("import not_there\n", 502), (returning("'mended'"), 200)):
        written(source)
        async with asyncio.timeout(10):
            while (await send(url, "/")).status_code != status:
                pass
    assert (await send(url, "/")).text == "mended"
    assert "[ERROR] Runtime.ImportModuleError: Unable to import module 'app'" in logged.getvalue()
