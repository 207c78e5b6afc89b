"""What a call cost: the REPORT line read, and where its figures go."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import Exchange, Plugin, hookimpl
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.log_tail import report_facts
from phasegate_aws_lambda.plugin import AwsLambda

COLD = (
    "START RequestId: 1 Version: 3\nhello\nEND RequestId: 1\n"
    "REPORT RequestId: 1\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 39 MB\tInit Duration: 100.12 ms\t\n"
)
WARM = COLD.replace("Init Duration: 100.12 ms\t", "")
RESTORED = COLD.replace("Init Duration: 100.12 ms", "Restore Duration: 80.5 ms\tBilled Restore Duration: 20 ms")
FIGURES = {"duration_ms": 12.34, "billed_ms": 113, "memory_mb": 128, "max_memory_mb": 39}


def facts(text: str) -> dict[str, Any]:
    return report_facts(base64.b64encode(text.encode()).decode())


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
    assert report_facts(tail) == {}


@dataclass(kw_only=True)
class Ledger(Plugin):
    """Keeps what the upstream's facts were."""

    name: ClassVar[str] = "ledger"
    found: ClassVar[list[dict[str, Any]]] = []

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        assert exchange.upstream is not None
        self.found.append(dict(exchange.upstream.details or {}))


async def test_the_facts_of_a_call_are_there_for_the_log(
    start_gateway: GatewayMaker, local_lambda: Any, client: httpx.AsyncClient
) -> None:
    Ledger.found = []
    port = await local_lambda("def handler(event, context):\n    return 1 / len(event.get('body', ''))\n")
    iam = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
    plugin = {"function": "app", "endpoint": f"http://127.0.0.1:{port}", "authorization": {"iam": iam}}
    route = {"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin, "ledger": {}}}
    gateway = await start_gateway({"routes": [route]}, [AwsLambda, Ledger])
    good = await client.post(gateway.url, content=b"x")
    bad = await client.get(gateway.url)
    assert (good.status_code, bad.status_code) == (200, 502)
    first, second = Ledger.found
    assert first["request_id"] == good.headers["x-amzn-requestid"]
    assert first["version"] == "$LATEST"
    assert first["cold_start"] is False
    assert first["billed_ms"] >= first["duration_ms"] > 0
    assert (second["error"], second["request_id"]) == ("Unhandled", bad.json()["aws_request_id"])


async def test_no_tail_is_asked_for_where_nobody_wants_one(
    start_gateway: GatewayMaker, upstream: Any, client: httpx.AsyncClient
) -> None:
    plugin = {"function": "app", "endpoint": upstream.url, "log_tail": False}
    route = {"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}
    gateway = await start_gateway({"routes": [route]}, [AwsLambda])
    await client.get(gateway.url)
    assert upstream.received[0].get("x-amz-log-type") is None
    assert upstream.received[0].get("authorization") is None
