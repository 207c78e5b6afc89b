"""What an invocation cost, out of the REPORT line at the end of its log."""

from __future__ import annotations

import base64
import binascii
import re

# "REPORT RequestId: ... Duration: 1.23 ms Billed Duration: 2 ms Memory Size: 128 MB Max Memory Used: 40 MB Init Duration:
# 100.1 ms", tabs between; with SnapStart "Restore Duration" (Lambda developer guide, "Monitoring").
_FACTS = {
    "duration_ms": re.compile(r"(?<!Billed )(?<!Init )(?<!Restore )Duration: ([0-9.]+) ms"),
    "billed_ms": re.compile(r"(?<!Restore )Billed Duration: ([0-9.]+) ms"),
    "init_ms": re.compile(r"(?:Init|(?<!Billed )Restore) Duration: ([0-9.]+) ms"),
    "memory_mb": re.compile(r"Memory Size: ([0-9]+) MB"),
    "max_memory_mb": re.compile(r"Max Memory Used: ([0-9]+) MB"),
}


def report_facts(log_result: str) -> dict[str, float | int | bool]:
    """Return the figures of a log's tail, which is base64; `cold_start` says whether there was an init phase."""
    try:
        tail = base64.b64decode(log_result, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return {}
    line = tail[tail.rfind("REPORT RequestId:") :] if "REPORT RequestId:" in tail else ""
    if not line:
        return {}
    found = {name: pattern.search(line) for name, pattern in _FACTS.items()}
    facts: dict[str, float | int | bool] = {name: _number(match[1]) for name, match in found.items() if match}
    facts["cold_start"] = "init_ms" in facts
    return facts


def _number(text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        return float(text)
