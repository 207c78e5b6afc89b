"""What a call cost: the report at the end of a log read, as a line or as JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from phasegate import FunctionFacts
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.log_tail import report_facts, tail_of
from phasegate_aws_lambda.plugin import AwsLambda

COLD = (
    "START RequestId: 1 Version: 3\nhello\nEND RequestId: 1\n"
    "REPORT RequestId: 1\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 39 MB\tInit Duration: 100.12 ms\t\n"
)
WARM = COLD.replace("Init Duration: 100.12 ms\t", "")
RESTORED = COLD.replace("Init Duration: 100.12 ms", "Restore Duration: 80.5 ms\tBilled Restore Duration: 20 ms")
FIGURES = {"duration_ms": 12.34, "billed_ms": 113, "memory_mb": 128, "max_memory_mb": 39}


def facts(text: str) -> FunctionFacts:
    return report_facts(tail_of(base64.b64encode(text.encode()).decode()))


def as_json(kind: str = "platform.report", **record: Any) -> str:
    return json.dumps({"time": "2026-11-26T07:00:00.000Z", "type": kind, "record": record}) + "\n"


def test_the_report_of_a_cold_start() -> None:
    assert facts(COLD) == {**FIGURES, "init_ms": 100.12, "cold_start": True}


def test_the_report_of_a_warm_call() -> None:
    assert facts(WARM) == {**FIGURES, "cold_start": False}


def test_restoring_a_snapshot_is_a_cold_start() -> None:
    assert facts(RESTORED) == {**FIGURES, "init_ms": 80.5, "cold_start": True}


def test_a_tail_that_begins_in_the_middle_has_its_report_all_the_same() -> None:
    assert facts("é of a line\n" + WARM)["billed_ms"] == 113


def test_what_the_function_writes_is_not_taken_for_its_report() -> None:
    assert facts("REPORT RequestId: 1\tDuration: 9999.0 ms\n" + WARM)["duration_ms"] == 12.34


@pytest.mark.parametrize("tail", ["", "%%%", "AAAA", base64.b64encode(b"no report").decode()])
def test_without_a_report_there_are_no_figures(tail: str) -> None:
    assert report_facts(tail_of(tail)) == {}


METRICS = {"durationMs": 12.34, "billedDurationMs": 113, "memorySizeMB": 128, "maxMemoryUsedMB": 39}


@pytest.mark.parametrize(("init", "told"), [("initDurationMs", 100.12), ("restoreDurationMs", 80.5)])
def test_a_report_as_json_says_the_same(init: str, told: float) -> None:
    start = as_json("platform.start", requestId="1") + '{"level": "INFO", "message": "hello"}\n'
    assert facts(start + as_json(metrics=METRICS)) == {**FIGURES, "cold_start": False}
    assert facts(start + as_json(metrics={**METRICS, init: told})) == {**FIGURES, "init_ms": told, "cold_start": True}


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "platform.report"',
        '["platform.report"]',
        '{"message": "platform.report"}',
        '{"type": "platform.report", "record": 1}',
        '{"type": "platform.report", "record": {"metrics": [], "tracing": 1}}',
        '{"type": "platform.report", "record": {"metrics": {"durationMs": "12"}}}',
    ],
)
def test_json_that_is_no_report_tells_nothing(line: str) -> None:
    assert facts(line) == {}


def test_the_trace_is_told_where_there_is_one() -> None:
    trace = "1-5e34a614-10bdxxxxfb44f07f6a9a15f8".replace("x", "c")
    assert facts(f"{WARM}XRAY TraceId: {trace}\tSegmentId: 1\tSampled: true\n")["trace_id"] == trace
    tracing = {"spanId": "1", "type": "X-Amzn-Trace-Id", "value": f"Root={trace};Parent=1;Sampled=1"}
    assert facts(as_json(metrics=METRICS, tracing=tracing))["trace_id"] == trace


async def test_no_tail_is_asked_for_where_nobody_wants_one(
    start_gateway: GatewayMaker, upstream: Any, client: httpx.AsyncClient
) -> None:
    plugin = {"function": "app", "endpoint": upstream.url, "log_tail": False}
    route = {"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}
    gateway = await start_gateway({"routes": [route]}, [AwsLambda])
    await client.get(gateway.url)
    assert upstream.received[0].get("x-amz-log-type") is None
    assert upstream.received[0].get("authorization") is None
