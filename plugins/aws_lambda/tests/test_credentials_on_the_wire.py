"""Whose credentials a function sees: those configured, and the client's own only where that is said."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Body
from phasegate.faas import FunctionRequest
from phasegate.testing import FakeUpstream, Received, make_exchange
from phasegate.testing.fixtures import GatewayMaker, Opener
from phasegate_aws_lambda.plugin import AwsLambda

THEIRS = {
    "x-api-key": "theirs",
    "authorization": "Basic theirs",
    "x-amz-date": "20200101T000000Z",
    "x-amz-security-token": "theirs",
    "x-amzn-custom": "theirs",
    "x-amzn-trace-id": "Root=1",
}
PRESIGNED = "a=1&X-Amz-Signature=theirs&X-Amz-Credential=theirs&x-amz-date=theirs&b=2"


@pytest.fixture
def call(start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient) -> Any:
    async def call_with(headers: dict[str, str], query: str = "", **config: Any) -> Received:
        plugin = {"function_uri": f"{upstream.url}/fn", **config}
        gateway = await start_gateway(
            {"routes": [{"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
        )
        await client.get(f"{gateway.url}/?{query}" if query else gateway.url, headers=headers)
        return upstream.received[-1]

    return call_with


def credentials(received: Received) -> dict[str, str | None]:
    return {name: received.get(name) for name in ("x-api-key", "authorization")}


async def test_the_api_key_takes_the_place_of_the_clients(call: Any) -> None:
    received = await call(THEIRS, authorization={"apikey": "ours"})
    assert [value for name, value in received.headers if name == "x-api-key"] == ["ours"]


async def test_with_an_api_key_the_clients_authorization_passes(call: Any) -> None:
    received = await call(THEIRS, PRESIGNED, authorization={"apikey": "ours"})
    assert received.get("authorization") == "Basic theirs"
    assert received.get("x-amz-date") == "20200101T000000Z"
    assert received.target == f"/fn?{PRESIGNED}"


async def test_a_signature_takes_the_place_of_all_that_the_client_says_to_aws(call: Any, oracle: Any) -> None:
    received = await call(THEIRS, PRESIGNED, authorization={"iam": oracle.iam})
    assert "theirs" not in f"{received.get('authorization')}{received.get('x-amz-security-token')}{received.target}"
    assert received.get("x-amzn-custom") is None
    assert received.get("x-amzn-trace-id") == "Root=1"
    assert received.target == "/fn?a=1&b=2"
    assert received.get("x-api-key") == "theirs"


async def test_both_means_a_key_and_a_signature(call: Any, oracle: Any, upstream: FakeUpstream) -> None:
    received = await call(THEIRS, authorization={"mode": "both", "apikey": "ours", "iam": oracle.iam})
    ours, theirs = oracle.by_header(received, upstream)
    assert ours == theirs
    assert received.get("x-api-key") == "ours"


async def test_a_client_can_not_turn_signing_off(call: Any, oracle: Any, upstream: FakeUpstream) -> None:
    received = await call({"authorization": "Basic x"}, authorization={"iam": oracle.iam})
    ours, theirs = oracle.by_header(received, upstream)
    assert ours == theirs


async def test_with_nothing_configured_the_clients_credentials_pass(call: Any) -> None:
    received = await call(THEIRS, PRESIGNED)
    assert credentials(received) == {"x-api-key": "theirs", "authorization": "Basic theirs"}
    assert received.target == f"/fn?{PRESIGNED}"


async def test_a_key_that_the_client_sent_goes_on_where_that_is_wanted(call: Any) -> None:
    config = {"authorization": {"apikey": "ours"}, "forward_client_credentials": True}
    assert credentials(await call(THEIRS, **config)) == {"x-api-key": "theirs", "authorization": "Basic theirs"}
    assert credentials(await call({}, **config)) == {"x-api-key": "ours", "authorization": None}


async def test_a_signature_that_the_client_sent_goes_on_where_that_is_wanted(call: Any, oracle: Any) -> None:
    config = {"authorization": {"iam": oracle.iam}, "forward_client_credentials": True}
    received = await call(THEIRS, **config)
    assert received.get("authorization") == "Basic theirs"
    assert received.get("x-amz-date") == "20200101T000000Z"
    received = await call({}, PRESIGNED, **config)
    assert (received.target, received.get("authorization")) == (f"/fn?{PRESIGNED}", None)
    assert "Credential=AKIDEXAMPLE" in (await call({}, **config)).get("authorization")


NAMES = st.sampled_from(
    (b"x-api-key", b"traceparent", b"tracestate", b"authorization", b"x-amz-date", b"x-amzn-trace-id", b"accept")
)
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SOME_FIELDS = st.lists(st.tuples(NAMES, st.sampled_from((b"", b"theirs", TRACE))), max_size=6)


@pytest.mark.parametrize("forwards", [False, True])
async def test_a_key_alone_is_added_as_any_credential(opened: Opener, forwards: bool) -> None:
    config = {"function_uri": "https://fn.test/", "authorization": {"apikey": "ours"}}
    plugin = await opened(AwsLambda, {**config, "forward_client_credentials": forwards})
    exchange, key = make_exchange(), plugin._sole_key

    def authorized(fields: list[tuple[bytes, bytes]], sole_key: tuple[bytes, bytes] | None) -> FunctionRequest:
        plugin._sole_key = sole_key
        request = FunctionRequest("GET", "fn.test", "/", "a=1", list(fields), Body())
        with pytest.raises(StopIteration):
            plugin.authorize(request, exchange).send(None)
        return request

    @given(SOME_FIELDS)
    def is_the_same(fields: list[tuple[bytes, bytes]]) -> None:
        assert authorized(fields, key).headers == authorized(fields, None).headers

    assert key is not None
    is_the_same()


@pytest.mark.parametrize(
    "config",
    [
        {"function_uri": "https://fn.test/", "authorization": {}},
        {"function_uri": "https://fn.test/", "authorization": {"mode": "both", "apikey": "ours"}},
        {"function": "arn:aws:lambda:eu-west-1:123456789012:function:fn", "authorization": {}},
    ],
)
async def test_nothing_else_is_taken_for_a_key_alone(opened: Opener, oracle: Any, config: dict[str, Any]) -> None:
    authorization = {**config["authorization"], "iam": oracle.iam}
    assert (await opened(AwsLambda, {**config, "authorization": authorization}))._sole_key is None
