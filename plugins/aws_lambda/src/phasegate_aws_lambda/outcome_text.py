"""What came of a call, for people and for programs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from phasegate import FunctionFacts

from .caller import Outcome

_MOST_HEADERS = 20


def as_lines(called: str, sent: str, outcome: Outcome) -> Iterator[str]:
    """Yield what is to be said beside the response's body; `called` and `sent` say what was called with what."""
    yield f"function  {called}"
    yield f"request   {sent}"
    cut = ", then cut off," if outcome.failure is not None and outcome.failure.status != outcome.status else ""
    yield f"answer    {outcome.status}{cut} after {outcome.seconds * 1000:.0f} ms"
    if outcome.failure is not None:
        yield f"error     {outcome.failure.code}: {outcome.failure}"
    run = _run(outcome.facts)
    if run:
        yield f"run       {run}"
    cost = _cost(outcome.facts)
    if cost:
        yield f"cost      {cost}"
    yield from _block("headers", [f"{name}: {value}" for name, value in _headers(outcome)][:_MOST_HEADERS])
    yield from _block("failure", outcome.payload.decode("utf-8", "replace").splitlines())
    yield from _block("log", outcome.log.splitlines())


def as_document(outcome: Outcome, body: bytes) -> dict[str, Any]:
    """Return the same as JSON has it. `body` is the response's, as text or, where it is none, as base64."""
    failure = outcome.failure
    try:
        text, is_base64 = body.decode(), False
    except UnicodeDecodeError:
        text, is_base64 = base64.b64encode(body).decode(), True
    return {
        "status": outcome.status,
        "headers": _headers(outcome),
        "body": text,
        "is_base64": is_base64,
        "error": None if failure is None else {"code": failure.code, "message": str(failure)},
        "failure": outcome.payload.decode("utf-8", "replace") or None,
        "function": outcome.facts,
        "log": outcome.log.splitlines(),
        "duration_ms": round(outcome.seconds * 1000, 3),
    }


def _headers(outcome: Outcome) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in outcome.headers.raw]


def _run(facts: FunctionFacts) -> str:
    told = {"version": facts.get("version"), "request": facts.get("request_id"), "trace": facts.get("trace_id")}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value)


def _cost(facts: FunctionFacts) -> str:
    parts = []
    if "duration_ms" in facts:
        parts.append(f"ran {facts['duration_ms']:g} ms")
    if "billed_ms" in facts:
        parts.append(f"billed {facts['billed_ms']:g} ms")
    if facts.get("cold_start"):
        parts.append(f"cold start of {facts.get('init_ms', 0):g} ms")
    if "max_memory_mb" in facts:
        parts.append(f"used {facts['max_memory_mb']} of {facts.get('memory_mb', '?')} MB")
    return ", ".join(parts)


def _block(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield title
        yield from (f"  {line}".rstrip() for line in lines)
