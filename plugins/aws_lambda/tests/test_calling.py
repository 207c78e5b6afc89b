"""How a function is called, and what becomes of its answer or its failure."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda


async def started(
    start_gateway: GatewayMaker, upstream: FakeUpstream, uri: str = "/x/*", path: str = "/fn", **config: Any
) -> RunningGateway:
    plugin = {"function_uri": f"{upstream.url}{path}", **config}
    return await start_gateway({"routes": [{"id": "r", "uri": uri, "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


async def get(gateway: RunningGateway, target: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False) as client:
        return await client.get(httpx.URL(gateway.url).copy_with(raw_path=target.encode()), **options)


@pytest.mark.parametrize(
    ("path", "target", "wire"),
    [
        ("/fn", "/x/a/b", "/fn/a/b"),
        ("/fn/", "/x/a", "/fn/a"),
        ("", "/x/a", "/a"),
        ("/fn", "/x/", "/fn/"),
        ("/fn", "/x/a/", "/fn/a/"),
        ("/fn", "/x//a", "/fn/a"),
        ("/fn", "/x/a//b", "/fn/a//b"),
        ("/fn", "/x/a%2Fb", "/fn/a%2Fb"),
        ("/fn?own=1&b=%20", "/x/a?z=1&a=2", "/fn/a?own=1&b=%20&z=1&a=2"),
        ("/fn?own=1", "/x/a", "/fn/a?own=1"),
        ("/fn", "/x/a?", "/fn/a"),
    ],
)
async def test_what_stands_under_the_star_is_appended(
    start_gateway: GatewayMaker, upstream: FakeUpstream, path: str, target: str, wire: str
) -> None:
    await get(await started(start_gateway, upstream, path=path), target)
    assert upstream.received[0].target == wire


@pytest.mark.parametrize(("path", "wire"), [("", "/"), ("/fn", "/fn"), ("/fn/", "/fn/")])
async def test_a_route_without_star_calls_the_functions_own_path(
    start_gateway: GatewayMaker, upstream: FakeUpstream, path: str, wire: str
) -> None:
    await get(await started(start_gateway, upstream, uri="/aws", path=path), "/aws?n=1")
    assert upstream.received[0].target == f"{wire}?n=1"


@pytest.mark.parametrize(
    "escape", ["/x/../admin", "/x/%2e%2e/admin", "/x/a/%2E%2e/%2e%2e/admin", "/x/..%2fadmin", "/x/%2e%2e%5cadmin"]
)
async def test_dot_segments_never_leave_the_functions_path(
    start_gateway: GatewayMaker, upstream: FakeUpstream, escape: str
) -> None:
    response = await get(await started(start_gateway, upstream), escape)
    assert response.status_code in (400, 404)
    assert not upstream.received


async def test_the_host_is_the_functions_with_its_port(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    await get(await started(start_gateway, upstream), "/x/", headers={"host": "client.test"})
    assert upstream.received[0].get("host") == upstream.address
    assert upstream.received[0].get("x-forwarded-host") == "client.test"


async def test_endpoint_says_where_to_connect_and_host_what_to_send(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    plugin = {"function_uri": "http://functions.test/fn", "endpoint": upstream.url, "host": "id.execute-api.test"}
    gateway = await start_gateway({"routes": [{"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])
    await get(gateway, "/")
    assert upstream.received[0].target == "/fn"
    assert upstream.received[0].get("host") == "id.execute-api.test"


async def test_the_functions_answer_comes_through(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    headers = [
        ("x-amzn-RequestId", "471289ab"),
        ("x-amz-apigw-id", "JdwXuEVxIAMFtKw="),
        ("X-Amzn-Trace-Id", "Root=1-61a22dca"),
        ("Server", "awselb"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Connection", "close"),
    ]
    upstream.reply(Reply(status=201, headers=headers, body=b'"Hello, APISIX!"'))
    response = await get(await started(start_gateway, upstream), "/x/")
    assert (response.status_code, response.text) == (201, '"Hello, APISIX!"')
    assert response.headers["x-amzn-requestid"] == "471289ab"
    assert response.headers["x-amz-apigw-id"] == "JdwXuEVxIAMFtKw="
    assert response.headers["x-amzn-trace-id"] == "Root=1-61a22dca"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers.get_list("server") == ["Phasegate"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 502, 503, 504])
async def test_the_functions_own_errors_come_through(
    start_gateway: GatewayMaker, upstream: FakeUpstream, status: int
) -> None:
    upstream.reply(
        Reply(status=status, headers={"x-amzn-ErrorType": "ForbiddenException"}, body=b'{"message":"Forbidden"}')
    )
    response = await get(await started(start_gateway, upstream, authorization={"apikey": "k"}), "/x/")
    assert (response.status_code, response.json()) == (status, {"message": "Forbidden"})
    assert len(upstream.received) == 1


async def test_what_api_gateway_renames_gets_its_name_back(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    headers = {
        "Date": "Mon, 01 Jan 2024 00:00:00 GMT",
        "x-amzn-Remapped-Date": "Tue, 02 Jan 2024 00:00:00 GMT",
        "x-amzn-Remapped-WWW-Authenticate": "Basic",
        "x-amzn-Remapped-Content-Length": "99",
        "x-amzn-Remapped-Server": "nginx",
    }
    upstream.reply(Reply(headers=headers, body=b"abc"))
    response = await get(await started(start_gateway, upstream), "/x/")
    assert response.headers.get_list("date") == ["Tue, 02 Jan 2024 00:00:00 GMT"]
    assert response.headers["www-authenticate"] == "Basic"
    assert response.headers["content-length"] == "3"
    assert response.headers["x-amzn-remapped-server"] == "nginx"
    assert "x-amzn-remapped-content-length" not in response.headers


async def test_an_answer_streams(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"first", b"last"], gate=gate))
    gateway = await started(start_gateway, upstream)
    async with httpx.AsyncClient(verify=False) as client, client.stream("GET", f"{gateway.url}/x/") as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        gate.set()
        assert [piece async for piece in pieces] == [b"last"]


async def test_a_client_that_reads_slowly_slows_the_function_down(
    start_gateway: GatewayMaker, upstream: FakeUpstream, sent_unread: Callable[..., Awaitable[int]]
) -> None:
    gateway = await started(start_gateway, upstream)
    assert await sent_unread(gateway.port, [bytes(100_000)] * 400) < 300


async def failed(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture, **options: Any
) -> tuple[int, str, list[str]]:
    response = await get(gateway, "/x/", **options)
    causes = [record.cause for record in caplog.records if record.msg == "request failed"]  # type: ignore[attr-defined]
    return response.status_code, response.json()["code"], causes


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(hang=True), 504, "upstream_timeout"),
        (Reply(raw=b"", close=True), 502, "upstream_unreachable"),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nX: y", close=True), 502, "upstream_unreachable"),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nX: y"), 504, "upstream_timeout"),
        (Reply(raw=b"\x16\x03\x01 garbage\r\n\r\n", close=True), 502, "malformed_response"),
    ],
)
async def test_a_function_that_fails_is_mapped_and_told_in_one_line(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    status: int,
    code: str,
) -> None:
    upstream.reply(reply)
    gateway = await started(start_gateway, upstream, timeout=200 if status == 504 else 5000)
    found_status, found_code, causes = await failed(gateway, caplog)
    assert (found_status, found_code) == (status, code)
    assert len(causes) == 1
    assert upstream.address in causes[0]


async def test_a_function_that_is_not_there(start_gateway: GatewayMaker, caplog: pytest.LogCaptureFixture) -> None:
    plugin = {"function_uri": "http://127.0.0.1:1/fn", "authorization": {"apikey": "s3cret"}}
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uri": "/x/", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
    )
    status, code, causes = await failed(gateway, caplog)
    assert (status, code, len(causes)) == (502, "upstream_unreachable", 1)
    assert "s3cret" not in caplog.text


async def test_half_a_body_cuts_the_connection_and_is_told(
    start_gateway: GatewayMaker, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.reply(Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", close=True))
    gateway = await started(start_gateway, upstream)
    with pytest.raises(httpx.RemoteProtocolError):
        await get(gateway, "/x/")
    assert [record.code for record in caplog.records if record.msg == "request failed"] == ["stream_aborted"]  # type: ignore[attr-defined]


async def test_a_body_over_the_limit_never_reaches_the_function(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gateway = await started(start_gateway, upstream, max_req_body_size=10)

    async def eleven() -> Any:
        yield b"123456"
        yield b"78901"

    async with httpx.AsyncClient(verify=False) as client:
        declared = await client.post(f"{gateway.url}/x/", content=b"12345678901")
        streamed = await client.post(f"{gateway.url}/x/", content=eleven())
        whole = await client.post(f"{gateway.url}/x/", content=b"1234567890")
    assert [response.status_code for response in (declared, streamed, whole)] == [413, 413, 200]
    assert declared.json()["code"] == "payload_too_large"
    assert [received.body for received in upstream.received] == [b"1234567890"]


async def test_a_slow_client_is_not_the_functions_fault(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True), Reply(body=b"ok"))
    gateway = await started(start_gateway, upstream, timeout=2000)
    statuses = []

    async def slow() -> Any:
        yield b"a"
        # A function that hangs shows that the time is over.
        statuses.append((await get(gateway, "/x/")).status_code)
        yield b"b"

    async with httpx.AsyncClient(verify=False) as client:
        statuses.append((await client.post(f"{gateway.url}/x/", content=slow())).status_code)
    assert statuses == [504, 200]


async def test_without_keepalive_each_call_has_its_own_connection(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gateway = await started(start_gateway, upstream, keepalive=False)
    for _ in range(2):
        await get(gateway, "/x/")
    assert upstream.connections == 2


SKEWED = json.dumps({"message": "Signature expired: 20200101T000000Z is now earlier than 20260101T000000Z"}).encode()


def skew_reply(error_type: str = "InvalidSignatureException", body: bytes = SKEWED) -> Reply:
    headers = {"x-amzn-ErrorType": error_type, "Date": "Wed, 01 Jan 2031 00:00:00 GMT"} if error_type else {}
    return Reply(status=403, headers=headers, body=body)


async def test_a_wrong_clock_is_corrected_once(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any
) -> None:
    upstream.reply(skew_reply(), Reply(body=b"ok"))
    gateway = await started(start_gateway, upstream, authorization={"iam": oracle.iam})
    assert (await get(gateway, "/x/")).text == "ok"
    assert (upstream.received[1].get("x-amz-date") or "").startswith("20310101T0000")
    await get(gateway, "/x/")
    assert (upstream.received[2].get("x-amz-date") or "").startswith("20310101T0000")
    assert len(upstream.received) == 3


async def test_a_clock_that_stays_wrong_is_not_tried_for_ever(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any
) -> None:
    upstream.reply(skew_reply())
    response = await get(await started(start_gateway, upstream, authorization={"iam": oracle.iam}), "/x/")
    assert (response.status_code, response.content) == (403, SKEWED)
    assert len(upstream.received) == 2


@pytest.mark.parametrize(
    "reply",
    [skew_reply(error_type=""), skew_reply(body=b'{"message":"Forbidden"}'), skew_reply("AccessDeniedException")],
)
async def test_a_functions_own_403_is_never_repeated(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any, reply: Reply
) -> None:
    upstream.reply(reply)
    response = await get(await started(start_gateway, upstream, authorization={"iam": oracle.iam}), "/x/")
    assert (response.status_code, response.content) == (403, reply.body)
    assert len(upstream.received) == 1


@pytest.mark.parametrize("spelling", ["{}", "{quoted}", "{escaped}"])
async def test_aws_can_not_tell_a_client_our_session_token(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any, spelling: str
) -> None:
    token = oracle.iam["session_token"]
    shown = spelling.format(token, quoted=quote(token, safe=""), escaped=token.replace("/", "\\/"))
    body = f'{{"message":"... does not match ... x-amz-security-token:{shown} ..."}}'.encode()
    upstream.reply(skew_reply(body=body))
    response = await get(await started(start_gateway, upstream, authorization={"iam": oracle.iam}), "/x/")
    assert response.status_code == 403
    assert response.text == '{"message":"... does not match ... x-amz-security-token:*** ..."}'


async def test_aws_can_not_tell_a_client_our_api_key_where_that_is_signed(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(skew_reply(body=b"... does not match ... x-api-key:the/api+key ..."))
    authorization = {"mode": "both", "apikey": "the/api+key", "iam": {"accesskey": "A", "secretkey": "s"}}
    gateway = await started(start_gateway, upstream, authorization=authorization, signed_headers=["X-Api-Key"])
    assert (await get(gateway, "/x/")).text == "... does not match ... x-api-key:*** ..."


async def test_a_second_refusal_is_no_less_masked_and_renamed_than_the_first(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any
) -> None:
    body = SKEWED + b" x-amz-security-token:" + oracle.iam["session_token"].encode()
    later = {"x-amzn-ErrorType": "InvalidSignatureException", "Date": "Thu, 01 Jan 2032 00:00:00 GMT"}
    upstream.reply(skew_reply(), Reply(status=403, headers={**later, "x-amzn-remapped-date": "then"}, body=body))
    response = await get(await started(start_gateway, upstream, authorization={"iam": oracle.iam}), "/x/")
    assert (response.status_code, response.content) == (403, SKEWED + b" x-amz-security-token:***")
    assert response.headers["date"] == "then"
    assert len(upstream.received) == 2


async def test_a_session_token_is_masked_wherever_the_answer_is_cut(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any
) -> None:
    token = oracle.iam["session_token"].encode()
    text = b"x" * 70_000 + token + b"y" + token
    pieces = [text[place : place + 7_003] for place in range(0, len(text), 7_003)]
    headers = {"x-amzn-ErrorType": "InvalidSignatureException"}
    upstream.reply(Reply(status=403, headers=headers, pieces=[*pieces[:-1], *(bytes([byte]) for byte in pieces[-1])]))
    response = await get(await started(start_gateway, upstream, authorization={"iam": oracle.iam}), "/x/")
    assert response.content == b"x" * 70_000 + b"***y***"


async def test_where_aws_computes_another_signature_the_log_says_from_what_line_on(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any, caplog: pytest.LogCaptureFixture
) -> None:
    canonical = "GET\n/other\n\nhost:h\n\nhost\nhash"
    message = f"The Canonical String for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'x'\n"
    upstream.reply(
        Reply(
            status=403,
            headers={"x-amzn-ErrorType": "InvalidSignatureException"},
            body=json.dumps({"message": message}).encode(),
        )
    )
    response = await get(await started(start_gateway, upstream, authorization={"iam": oracle.iam}), "/x/a")
    record = next(record for record in caplog.records if record.getMessage() == "signature does not match")
    assert [vars(record)[name] for name in ("line", "ours", "theirs")] == ["path", "/fn/a", "/other"]
    assert response.json() == {"message": message}
    assert oracle.iam["session_token"] not in str(vars(record))


async def test_a_client_that_signs_for_itself_is_left_to_do_so_where_that_is_asked_for(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any
) -> None:
    gateway = await started(start_gateway, upstream, authorization={"iam": oracle.iam}, forward_client_credentials=True)
    await get(gateway, "/x/", headers={"authorization": "AWS4-HMAC-SHA256 theirs"})
    await get(gateway, "/x/?X-Amz-Signature=theirs")
    await get(gateway, "/x/")
    given = [received.get("authorization") or "" for received in upstream.received]
    assert given[:2] == ["AWS4-HMAC-SHA256 theirs", ""]
    assert given[2].startswith("AWS4-HMAC-SHA256 Credential=")
