"""What a run cost, for whoever counts: read by a plugin as a stranger would write it."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import Exchange, FunctionFacts, Plugin, hookimpl
from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

from .frames import AWS_ID, HEAD, IAM, chunk, complete
from .frames import FIELDS as STREAM

REPORT = (
    "REPORT RequestId: x\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 39 MB\tInit Duration: 100.12 ms\t\n"
)
TAIL = base64.b64encode(REPORT.encode()).decode()
COST = {"duration_ms": 12.34, "billed_ms": 113, "memory_mb": 128, "max_memory_mb": 39, "init_ms": 100.12}


@dataclass(kw_only=True)
class Metrics(Plugin):
    """Counts what the functions of a route cost."""

    name: ClassVar[str] = "metrics"
    totals: ClassVar[Counter[str]] = Counter()
    last: ClassVar[FunctionFacts | None] = None

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        facts = exchange.upstream.function if exchange.upstream else None
        type(self).last = facts
        if facts is None:
            return
        self.totals["runs"] += 1
        self.totals["cold"] += facts.get("cold_start", False)
        self.totals["failed"] += "error" in facts
        self.totals["gb_ms"] += int(facts.get("billed_ms", 0) * facts.get("memory_mb", 0) / 1024)


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    Metrics.totals, Metrics.last = Counter(), None


async def get(start_gateway: GatewayMaker, plugin: dict[str, Any], **headers: str) -> httpx.Response:
    route = {"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin, "metrics": {}}}
    gateway = await start_gateway({"routes": [route]}, [AwsLambda, Metrics])
    async with httpx.AsyncClient() as client:
        return await client.get(f"{gateway.url}/x/", headers={k.replace("_", "-"): v for k, v in headers.items()})


def direct(upstream: FakeUpstream, **config: Any) -> dict[str, Any]:
    return {"function": "app", "endpoint": upstream.url, "authorization": {"iam": IAM}, **config}


async def test_a_direct_call_is_counted_by_what_it_cost(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    headers = {"x-amzn-requestid": AWS_ID, "x-amz-executed-version": "7", "x-amz-log-result": TAIL}
    upstream.reply(Reply(headers=headers, body=b"{}"))
    await get(start_gateway, direct(upstream))
    assert Metrics.last == {"request_id": AWS_ID, "version": "7", "cold_start": True, **COST}
    assert Metrics.totals == {"runs": 1, "cold": 1, "failed": 0, "gb_ms": 14}


async def test_a_failed_function_is_counted_as_one(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(headers={"x-amz-function-error": "Unhandled", "x-amz-log-result": TAIL}, body=b"{}"))
    assert (await get(start_gateway, direct(upstream))).status_code == 502
    assert Metrics.totals["failed"] == 1
    assert Metrics.last
    assert Metrics.last["error"] == "Unhandled"


async def test_a_stream_is_counted_by_what_stands_at_its_end(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    headers = {**STREAM, "x-amz-executed-version": "7"}
    upstream.reply(Reply(headers=headers, pieces=[chunk(HEAD + b"x"), complete(LogResult=TAIL)]))
    assert (await get(start_gateway, direct(upstream, mode="invoke-stream"))).text == "x"
    assert Metrics.last == {"request_id": AWS_ID, "version": "7", "cold_start": True, **COST}


async def test_a_stream_that_fails_on_the_way_tells_its_error_and_cost(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    end = complete(ErrorCode="Unhandled", ErrorDetails="went wrong", LogResult=TAIL)
    upstream.reply(Reply(headers=STREAM, pieces=[chunk(HEAD + b"x"), end]))
    with pytest.raises(httpx.RemoteProtocolError):
        await get(start_gateway, direct(upstream, mode="invoke-stream"))
    assert Metrics.last
    assert (Metrics.last["error"], Metrics.last["billed_ms"]) == ("Unhandled", 113)


@pytest.mark.parametrize(("name", "value"), [("x-amzn-RequestId", AWS_ID), ("apigw-requestid", "JKJaXmPLvHcESHA=")])
async def test_over_http_the_id_is_known(
    start_gateway: GatewayMaker, upstream: FakeUpstream, name: str, value: str
) -> None:
    upstream.reply(Reply(headers={name: value}))
    await get(start_gateway, {"function_uri": upstream.url})
    assert Metrics.last == {"request_id": value}


async def test_of_ids_the_last_one_of_the_functions_url_is_known(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    ids = b"x-amzn-requestid: a\r\nApigw-Requestid: b\r\nX-Amzn-RequestId: c\r\n"
    upstream.reply(Reply(raw=b"HTTP/1.1 200 OK\r\n" + ids + b"Content-Length: 0\r\n\r\n"))
    await get(start_gateway, {"function_uri": upstream.url})
    assert Metrics.last == {"request_id": "c"}


async def test_what_tells_nothing_is_not_counted(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    await get(start_gateway, {"function_uri": upstream.url})
    assert Metrics.last is None
    assert not Metrics.totals


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
AS_AWS = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, AS_AWS),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"}, AS_AWS.replace("Sampled=1", "Sampled=0")),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "x-amzn-trace-id": "Root=1-2-3"}, "Root=1-2-3"),
        ({"traceparent": f"ff-{TRACE}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"00-{TRACE}-{'0' * 16}-01"}, None),
        ({"traceparent": "none"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("how", ["url", "signed url", "call", "stream"])
async def test_the_trace_goes_on_at_aws(
    start_gateway: GatewayMaker, upstream: FakeUpstream, how: str, headers: dict[str, str], sent: str | None
) -> None:
    plugin: dict[str, dict[str, Any]] = {
        "url": {"function_uri": upstream.url},
        "signed url": {"function_uri": upstream.url, "authorization": {"iam": IAM}},
        "call": direct(upstream),
        "stream": direct(upstream, mode="invoke-stream"),
    }
    upstream.reply(Reply(headers=STREAM, pieces=[chunk(HEAD), complete()]) if how == "stream" else Reply(body=b"{}"))
    await get(start_gateway, plugin[how], **headers)
    received = upstream.received[0]
    assert received.get("x-amzn-trace-id") == sent
    assert "x-amzn-trace-id" not in (received.get("authorization") or "")
