"""Streams end to end: the first byte leaves before the last is there, and a failure on the way can be seen."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

from .frames import AWS_ID, FIELDS, HEAD, IAM, chunk, complete, frame, stream


async def started(start_gateway: GatewayMaker, upstream: FakeUpstream, **config: Any) -> RunningGateway:
    iam = {"authorization": {"iam": IAM}, "endpoint": upstream.url}
    plugin = {"function": "app", "mode": "invoke-stream", **iam, **config}
    return await start_gateway({"routes": [{"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


async def test_a_stream_is_the_functions_answer(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(stream(chunk(HEAD + b"one "), chunk(b"two"), complete()))
    response = await client.get(f"{(await started(start_gateway, upstream, qualifier='live')).url}/x/")
    assert (response.status_code, response.text, response.headers["x-a"]) == (201, "one two", "1")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers["x-amzn-requestid"] == AWS_ID
    sent = upstream.received[0]
    assert sent.target == "/2021-11-15/functions/app/response-streaming-invocations?Qualifier=live"
    assert json.loads(sent.body)["rawPath"] == "/x/"


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_a_stream_may_be_cut_anywhere(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, size: int
) -> None:
    data = chunk(HEAD[:9]) + chunk(b"") + chunk(HEAD[9:]) + chunk(b"body") + complete()
    upstream.reply(stream(*(data[place : place + size] for place in range(0, len(data), size))))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    assert (response.status_code, response.text) == (201, "body")


async def test_the_first_byte_is_out_before_the_last_one_is_in(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    gate = asyncio.Event()
    upstream.reply(stream(chunk(HEAD + b"first"), chunk(b"last") + complete(), gate=gate))
    gateway = await started(start_gateway, upstream)
    async with client.stream("GET", f"{gateway.url}/x/") as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        gate.set()
        assert b"".join([piece async for piece in pieces]) == b"last"


async def test_a_client_that_leaves_ends_the_call(start_gateway: GatewayMaker, client: httpx.AsyncClient) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        piece = chunk(HEAD + b"first")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(piece), piece))
        assert await reader.read() == b""
        writer.close()
        left.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        plugin = {"function": "app", "mode": "invoke-stream", "endpoint": f"http://127.0.0.1:{port}", "timeout": 60_000}
        route = {"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}
        gateway = await start_gateway({"routes": [route]}, [AwsLambda])
        async with client.stream("GET", gateway.url) as response:
            assert await anext(response.aiter_raw()) == b"first"
        async with asyncio.timeout(10):
            await left.wait()


async def test_a_client_that_reads_slowly_slows_the_function_down(
    start_gateway: GatewayMaker, upstream: FakeUpstream, sent_unread: Callable[..., Awaitable[int]]
) -> None:
    gateway = await started(start_gateway, upstream)
    assert await sent_unread(gateway.port, [chunk(HEAD), *[chunk(bytes(100_000))] * 400], headers=FIELDS) < 300


@pytest.mark.parametrize(
    ("pieces", "status", "code"),
    [
        ([complete(ErrorCode="Unhandled", ErrorDetails="went wrong")], 502, "function_error"),
        ([complete(ErrorCode="Unhandled", ErrorDetails='{"errorType": "Sandbox.Timedout"}')], 504, "function_timeout"),
        ([complete(ErrorCode="Function.ResponseSizeTooLarge", ErrorDetails="x")], 502, "response_too_large"),
        ([chunk(HEAD[:5]), complete(ErrorCode="Runtime.ExitError", ErrorDetails="x")], 502, "function_crash"),
        ([], 502, "malformed_response"),
        ([b"no frames at all, but a page"], 502, "malformed_response"),
        ([chunk(b'{"statusCode": 99}' + bytes(8)), complete()], 502, "malformed_response"),
        ([frame({":message-type": "exception", ":exception-type": "ServiceException"}, b"{}")], 502, "function_error"),
        ([chunk(b'{"a"')], 502, "malformed_response"),
        ([frame({":message-type": "event", ":event-type": "InvokeComplete"}, b"{")], 502, "malformed_response"),
    ],
)
async def test_a_failure_before_the_body_is_told_as_any_other(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    pieces: list[bytes],
    status: int,
    code: str,
) -> None:
    upstream.reply(stream(*pieces))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["aws_request_id"] == AWS_ID


@pytest.mark.parametrize(
    "end",
    [
        complete(ErrorCode="Unhandled", ErrorDetails="went wrong"),
        b"",
        chunk(b"x" * 50)[:-1],
        chunk(b"x" * 50)[:-1] + b"\x00",
        frame({":message-type": "exception", ":exception-type": "ServiceException"}, b"{}"),
    ],
)
async def test_a_failure_after_the_head_cuts_the_answer(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    end: bytes,
) -> None:
    upstream.reply(stream(chunk(HEAD + b"begun"), *([end] if end else [])))
    gateway = await started(start_gateway, upstream)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{gateway.url}/x/")
    assert [record.code for record in caplog.records if record.msg == "request failed"] == ["stream_aborted"]  # type: ignore[attr-defined]


async def test_a_refused_call_and_a_wrong_clock_are_as_without_a_stream(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    expired = json.dumps({"message": "Signature expired: x"}).encode()
    skewed = {"x-amzn-ErrorType": "InvalidSignatureException", "Date": "Wed, 01 Jan 2031 00:00:00 GMT"}
    upstream.reply(
        Reply(status=403, headers=skewed, body=expired),
        stream(chunk(HEAD + b"x"), complete()),
        Reply(status=429, headers={"x-amzn-ErrorType": "TooManyRequestsException"}, body=b"{}"),
    )
    gateway = await started(start_gateway, upstream)
    assert (await client.get(f"{gateway.url}/x/")).status_code == 201
    assert (await client.get(f"{gateway.url}/x/")).json()["code"] == "upstream_throttled"


async def test_a_stream_without_head_is_a_body(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    tail = base64.b64encode(b"REPORT RequestId: x\tDuration: 1.5 ms\t").decode()
    upstream.reply(stream(chunk(b"one\n"), chunk(b"two\n"), complete(LogResult=tail)))
    response = await client.get(f"{(await started(start_gateway, upstream)).url}/x/")
    assert (response.status_code, response.text) == (200, "one\ntwo\n")
    assert response.headers["content-type"] == "application/octet-stream"


async def test_a_real_function_streams_through_the_local_lambda(
    start_gateway: GatewayMaker, local_lambda: Any, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    source = f"""
        import os, time

        def handler(event, context):
            yield {{"statusCode": 203, "headers": {{"content-type": "text/plain"}}, "cookies": ["a=1"]}}
            yield "first"
            while not os.path.exists({str(tmp_path / "go")!r}):
                time.sleep(0.01)
            yield event["rawPath"]
    """
    port = await local_lambda(source)
    iam = {"authorization": {"iam": IAM}, "endpoint": f"http://127.0.0.1:{port}"}
    plugin = {"function": "app", "mode": "invoke-stream", **iam}
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
    )
    async with client.stream("GET", f"{gateway.url}/x/last") as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        (tmp_path / "go").touch()
        assert b"".join([piece async for piece in pieces]) == b"/x/last"
    assert (response.status_code, response.headers["set-cookie"]) == (203, "a=1")
