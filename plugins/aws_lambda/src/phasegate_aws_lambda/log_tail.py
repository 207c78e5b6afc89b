"""What an invocation cost, out of the report at the end of its log."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, cast

import orjson

from phasegate import FunctionFacts

# "REPORT RequestId: ... Duration: 1.23 ms Billed Duration: 2 ms Memory Size: 128 MB Max Memory Used: 40 MB Init Duration:
# 100.1 ms", tabs between; with SnapStart "Restore Duration", with tracing "XRAY TraceId: ..." (Lambda developer guide,
# "Monitoring").
_FACTS = {
    "duration_ms": re.compile(r"(?<!Billed )(?<!Init )(?<!Restore )Duration: ([0-9.]+) ms"),
    "billed_ms": re.compile(r"(?<!Restore )Billed Duration: ([0-9.]+) ms"),
    "init_ms": re.compile(r"(?:Init|(?<!Billed )Restore) Duration: ([0-9.]+) ms"),
    "memory_mb": re.compile(r"Memory Size: ([0-9]+) MB"),
    "max_memory_mb": re.compile(r"Max Memory Used: ([0-9]+) MB"),
    "trace_id": re.compile(r"XRAY TraceId: ([0-9a-f-]+)"),
}
# The same in a log of format JSON: `metrics` of the event platform.report ("Telemetry API schema reference").
_METRICS = {
    "duration_ms": ("durationMs",),
    "billed_ms": ("billedDurationMs",),
    "init_ms": ("initDurationMs", "restoreDurationMs"),
    "memory_mb": ("memorySizeMB",),
    "max_memory_mb": ("maxMemoryUsedMB",),
}


def tail_of(log_result: str) -> str:
    """Return a log's tail as text, which comes as base64; empty for what is none."""
    try:
        return base64.b64decode(log_result, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def report_facts(tail: str) -> FunctionFacts:
    """Return the figures of a log's tail; `cold_start` says whether there was an init phase."""
    place = tail.rfind("REPORT RequestId:")
    facts = _of_line(tail[place:]) if place >= 0 else _of_document(_report(tail))
    if facts:
        facts["cold_start"] = "init_ms" in facts
    # Its keys are those of the two tables.
    return cast("FunctionFacts", facts)


def _of_line(line: str) -> dict[str, Any]:
    found = {name: pattern.search(line) for name, pattern in _FACTS.items()}
    return {name: match[1] if name == "trace_id" else _number(match[1]) for name, match in found.items() if match}


def _report(tail: str) -> Mapping[str, Any]:
    """Return what the last platform.report in a log says, nothing where there is none."""
    for line in reversed(tail.splitlines()):
        if '"platform.report"' not in line:
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict) and document.get("type") == "platform.report":
            record = document.get("record")
            return record if isinstance(record, dict) else {}
    return {}


def _of_document(record: Mapping[str, Any]) -> dict[str, Any]:
    metrics, tracing = record.get("metrics"), record.get("tracing")
    facts: dict[str, Any] = {}
    if isinstance(metrics, dict):
        for name, keys in _METRICS.items():
            told = [metrics[key] for key in keys if isinstance(metrics.get(key), (int, float))]
            facts |= {name: told[0]} if told else {}
    trace = tracing.get("value") if isinstance(tracing, dict) else None
    if facts and isinstance(trace, str) and trace.startswith("Root="):
        facts["trace_id"] = trace.removeprefix("Root=").partition(";")[0]
    return facts


def _number(text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        return float(text)
