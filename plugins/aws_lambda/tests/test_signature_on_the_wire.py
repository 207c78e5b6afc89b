"""What leaves the gateway is what was signed: botocore, given the bytes on the wire, makes the same signature."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasegate.testing import FakeUpstream, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

odd_paths = st.lists(
    st.sampled_from(
        [
            "a",
            "/",
            "//",
            "%20",
            "%2F",
            "%2f",
            ":",
            "@",
            "!",
            "$&'()*+,;=",
            "~",
            "%7e",
            "%41",
            "%c3%a9",
            "%25",
            "{",
            "..",
            ".",
        ]
    ),
    max_size=10,
).map("".join)
odd_queries = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            "=",
            "&",
            "&&",
            "%20",
            "+",
            "%2B",
            "%",
            "%zz",
            "%c3%a9",
            "%FF",
            "/",
            "?",
            "~",
            "*",
            "'",
            "A=1",
            "a=2",
        ]
    ),
    max_size=12,
).map("".join)
odd_values = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\t"), max_size=30).map(str.strip)
Send = Callable[..., Awaitable[httpx.Response]]
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
exhaustive = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def signed_gateway(
    start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any, **config: Any
) -> RunningGateway:
    plugin = {
        "function_uri": f"{upstream.url}/stage/fn?own=%7e&z",
        "authorization": {"iam": oracle.iam},
        "signed_headers": ["X-Extra"],
        **config,
    }
    return await start_gateway({"routes": [{"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


@pytest.fixture
def send(client: httpx.AsyncClient) -> Send:
    async def send_to(
        gateway: RunningGateway, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        url = httpx.URL(gateway.url).copy_with(raw_path=target.encode())
        return await client.request(method, url, headers=headers, content=body)

    return send_to


@pytest.fixture(params=["header", "query"])
async def signing(
    request: pytest.FixtureRequest, start_gateway: GatewayMaker, upstream: FakeUpstream, oracle: Any
) -> Any:
    gateway = await signed_gateway(start_gateway, upstream, oracle, sign_location=request.param)
    return gateway, oracle.by_header if request.param == "header" else oracle.by_query


@exhaustive
@given(methods, odd_paths, odd_queries, odd_values, odd_values, st.binary(max_size=64))
async def test_botocore_agrees(
    signing: Any,
    send: Send,
    upstream: FakeUpstream,
    method: str,
    path: str,
    query: str,
    content_type: str,
    extra: str,
    body: bytes,
) -> None:
    gateway, ask = signing
    target = f"/x/{path}?{query}" if query else f"/x/{path}"
    headers = {"content-type": content_type, "x-extra": extra, "user-agent": "odd"}
    before = len(upstream.received)
    response = await send(gateway, method, target, headers, body)
    if response.status_code in (400, 404):
        assert len(upstream.received) == before
        return
    ours, theirs = ask(upstream.received[-1], upstream)
    assert ours == theirs


@exhaustive
@given(st.binary(max_size=200))
async def test_the_payload_hash_is_the_bodys(signing: Any, send: Send, upstream: FakeUpstream, body: bytes) -> None:
    gateway, _ = signing
    await send(gateway, "POST", "/x/", {}, body)
    received = upstream.received[-1]
    assert received.body == body
    assert received.get("x-amz-content-sha256") in (None, hashlib.sha256(body).hexdigest())


async def test_a_body_on_disk_is_signed_too(signing: Any, send: Send, upstream: FakeUpstream) -> None:
    gateway, ask = signing
    body = bytes(range(256)) * 8192
    await send(gateway, "PUT", "/x/big", {}, body)
    ours, theirs = ask(upstream.received[-1], upstream)
    assert upstream.received[-1].body == body
    assert ours == theirs


async def test_the_signature_names_what_it_must(
    start_gateway: GatewayMaker, send: Send, upstream: FakeUpstream, oracle: Any
) -> None:
    gateway = await signed_gateway(start_gateway, upstream, oracle)
    headers = {"content-type": "text/plain", "x-extra": "1", "x-other": "2", "x-amzn-trace-id": "Root=1-2-3"}
    await send(gateway, "POST", "/x/", headers, b"abc")
    authorization = upstream.received[0].get("authorization") or ""
    names = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-extra"
    assert f"SignedHeaders={names}," in authorization
    assert "/us-east-1/execute-api/aws4_request," in authorization
    assert upstream.received[0].get("x-amz-security-token") == oracle.iam["session_token"]
    assert upstream.received[0].get("x-amzn-trace-id") == "Root=1-2-3"


async def test_slashes_are_merged_on_the_wire_and_the_query_keeps_its_order(
    start_gateway: GatewayMaker, send: Send, upstream: FakeUpstream, oracle: Any
) -> None:
    gateway = await signed_gateway(start_gateway, upstream, oracle)
    await send(gateway, "GET", "/x/a//b%2Fc/?z=1&a=2&z=0&plus=+&flag", {}, b"")
    assert upstream.received[0].target == "/stage/fn/a/b%2Fc/?own=~&z=&z=1&a=2&z=0&plus=%20&flag="


async def test_the_query_form_lives_five_minutes_at_most(
    start_gateway: GatewayMaker, send: Send, upstream: FakeUpstream, oracle: Any
) -> None:
    gateway = await signed_gateway(start_gateway, upstream, oracle, sign_location="query")
    await send(gateway, "GET", "/x/", {"authorization": "Basic x"}, b"")
    received = upstream.received[0]
    assert "&X-Amz-Expires=300&" in received.target
    assert received.get("authorization") is None
