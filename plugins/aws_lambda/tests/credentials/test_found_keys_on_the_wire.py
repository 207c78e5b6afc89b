"""Gateways whose keys nobody wrote down: what functions see of them, and what clients see when there are none."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from phasegate.faas import provider
from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

STATIC = {"accesskey": "AKIDSTATIC", "secretkey": "s3cret"}
ROLE = "arn:aws:iam::123456789012:role/caller"
ASSUMED = {**STATIC, "assume_role": [{"role_arn": ROLE}]}
EXPIRED = {"x-amzn-ErrorType": "ExpiredTokenException"}


def document(upstream: FakeUpstream, **iam: dict[str, Any]) -> dict[str, Any]:
    """Return a route for each name, with these keys."""
    return {
        "routes": [
            {
                "id": name,
                "uri": f"/{name}",
                "plugins": {
                    "aws-lambda": {
                        "function_uri": f"{upstream.url}/{name}",
                        "authorization": {"iam": {"aws_region": "us-east-1", **keys}},
                        "timeout": 20_000,
                    }
                },
            }
            for name, keys in iam.items()
        ]
    }


def signers(upstream: FakeUpstream) -> list[str]:
    """Return whose key each request was signed with."""
    values = [received.get("authorization") or "" for received in upstream.received]
    return [value.partition("Credential=")[2].partition("/")[0] for value in values]


async def test_keys_of_the_environment_sign(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    oracle: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", oracle.iam["accesskey"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", oracle.iam["secretkey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", oracle.iam["session_token"])
    gateway = await start_gateway(document(upstream, a={}), [AwsLambda])
    await client.get(f"{gateway.url}/a")
    ours, theirs = oracle.by_header(upstream.received[0], upstream)
    assert ours == theirs
    assert upstream.received[0].get("x-amz-security-token") == oracle.iam["session_token"]


async def test_one_role_is_assumed_once_for_all_routes_and_configurations(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, sts: Any
) -> None:
    gateway = await start_gateway(document(upstream, a=ASSUMED, b=ASSUMED), [AwsLambda])
    await gateway.reload(document(upstream, b=ASSUMED, c=ASSUMED))
    for name in ("b", "c"):
        await client.get(f"{gateway.url}/{name}")
    assert len(sts.asked) == 1
    assert len(set(signers(upstream))) == 1
    assert signers(upstream)[0].startswith("ASIA")


async def test_another_role_is_another_provider(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, sts: Any
) -> None:
    other = {**STATIC, "assume_role": [{"role_arn": ROLE, "external_id": "x-1"}]}
    gateway = await start_gateway(document(upstream, a=ASSUMED, b=other), [AwsLambda])
    for name in ("a", "b"):
        await client.get(f"{gateway.url}/{name}")
    assert len(sts.asked) == 2
    assert len(set(signers(upstream))) == 2


async def test_requests_go_on_while_sts_sleeps_and_are_one_refresh(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    sts: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provider, "_FIRST_RETRY_SECONDS", 0.0)
    gateway = await start_gateway(document(upstream, a=ASSUMED, b=STATIC), [AwsLambda])
    await client.get(f"{gateway.url}/a")
    sts.gate.clear()
    upstream.reply(*[Reply(status=403, headers=EXPIRED)] * 20, Reply(body=b"ok"))
    waiting = [asyncio.create_task(client.get(f"{gateway.url}/a")) for _ in range(20)]
    await upstream.arrived(21)
    others = [(await client.get(f"{gateway.url}/b")).text for _ in range(20)]
    assert others == ["ok"] * 20
    assert not any(task.done() for task in waiting)
    sts.gate.set()
    assert [(await task).text for task in waiting] == ["ok"] * 20
    assert len(sts.asked) == 2
    first, *rest = signers(upstream)
    assert set(rest[:20]) == {first}
    assert len({*rest[40:]}) == 1
    assert first not in rest[40:]


async def test_a_refusal_of_other_keys_comes_through_when_there_are_none(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t0ken/ours")
    monkeypatch.setattr(provider, "_FIRST_RETRY_SECONDS", 0.0)
    gateway = await start_gateway(document(upstream, a={}), [AwsLambda])
    upstream.reply(Reply(status=403, headers=EXPIRED, body=b"x-amz-security-token:t0ken/ours"))
    response = await client.get(f"{gateway.url}/a")
    assert (response.status_code, response.text) == (403, "x-amz-security-token:***")
    assert len(upstream.received) == 1


async def test_a_chain_that_yields_nothing_is_warned_about_and_answers_503(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    gateway = await start_gateway(document(upstream, a={}, b=STATIC), [AwsLambda])
    warned = [record for record in caplog.records if record.getMessage() == "credentials unavailable"]
    assert "set AWS_ACCESS_KEY_ID" in vars(warned[0])["reason"]
    response = await client.get(f"{gateway.url}/a")
    assert (response.status_code, response.json()["code"]) == (503, "credentials_unavailable")
    assert "AWS_ACCESS_KEY_ID" not in response.text
    assert response.headers["retry-after"] in ("1", "2")
    assert (await client.get(f"{gateway.url}/b")).status_code == 200
    assert signers(upstream) == ["AKIDSTATIC"]


async def test_the_reason_for_a_503_is_in_its_log_line(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    gateway = await start_gateway(document(upstream, a={"profile": "missing"}), [AwsLambda])
    await client.get(f"{gateway.url}/a")
    failed = [record for record in caplog.records if record.getMessage() == "request failed"]
    assert "no credentials from profile 'missing': " in str(vars(failed[0]))
    assert "could not be found" in str(vars(failed[0]))


async def test_an_api_key_alone_looks_for_no_keys(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, sts: Any
) -> None:
    configuration = document(upstream, a=ASSUMED)
    configuration["routes"][0]["plugins"]["aws-lambda"]["authorization"]["apikey"] = "k"
    gateway = await start_gateway(configuration, [AwsLambda])
    await client.get(f"{gateway.url}/a")
    assert (upstream.received[0].get("x-api-key"), sts.asked) == ("k", [])


@pytest.fixture
def invoke(start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient) -> Any:
    """What calls a function directly, with the keys of a role."""

    async def call(*replies: Reply) -> httpx.Response:
        plugin = {"function": "orders", "endpoint": upstream.url, "authorization": {"iam": ASSUMED}}
        gateway = await start_gateway(
            {"routes": [{"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda]
        )
        upstream.reply(*replies)
        return await client.get(gateway.url)

    return call


async def test_a_direct_call_is_made_again_with_other_keys(
    invoke: Any, upstream: FakeUpstream, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_FIRST_RETRY_SECONDS", 0.0)
    response = await invoke(Reply(status=403, headers=EXPIRED, body=b"{}"), Reply(body=b'"ok"'))
    assert response.text == "ok"
    first, second = signers(upstream)
    assert (first != second, len(sts.asked)) == (True, 2)


async def test_a_direct_call_is_made_again_once_at_most(
    invoke: Any, upstream: FakeUpstream, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_FIRST_RETRY_SECONDS", 0.0)
    response = await invoke(Reply(status=403, headers=EXPIRED, body=b"{}"))
    assert (response.status_code, response.json()["code"]) == (502, "aws_auth_failed")
    assert len(upstream.received) == 2


async def test_a_direct_calls_signature_is_explained_too(
    invoke: Any, upstream: FakeUpstream, sts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = (
        "The Canonical String for this request should have been\n'PUT\n'\n\nThe String-to-Sign should have been\n'x'\n"
    )
    refusal = Reply(
        status=403,
        headers={"x-amzn-ErrorType": "InvalidSignatureException"},
        body=json.dumps({"message": wrong}).encode(),
    )
    assert (await invoke(refusal)).status_code == 502
    record = next(record for record in caplog.records if record.getMessage() == "signature does not match")
    assert [vars(record)[name] for name in ("line", "ours", "theirs")] == ["method", "POST", "PUT"]
