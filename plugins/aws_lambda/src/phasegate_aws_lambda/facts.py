"""What AWS tells of a run and its cost, left in the exchange for the access log and for whoever counts."""

from __future__ import annotations

from collections.abc import Mapping

from phasegate import Exchange, FunctionFacts, Headers, UpstreamFacts

from .log_tail import report_facts, tail_of

# No kind of error has a longer name.
_LONGEST = 64
_OF_URLS, _OF_HTTP_APIS = b"x-amzn-requestid", b"apigw-requestid"


def note_invoked(headers: Headers, exchange: Exchange, identity: str, known: FunctionFacts) -> None:
    """Note what the Lambda API tells of a direct call, beside what is known of it; of a stream its log follows at its end."""
    if exchange.upstream is None:
        return
    facts: FunctionFacts = {**known}
    if identity:
        facts["request_id"] = identity
    if version := headers.get("x-amz-executed-version"):
        facts["version"] = version
    if error := headers.get("x-amz-function-error"):
        facts["error"] = error
    exchange.upstream.function = facts
    note_tail(headers.get("x-amz-log-result") or "", exchange)


def note_tail(log_result: str, exchange: Exchange) -> None:
    """Note what the tail of a log tells, which is base64."""
    if log_result and exchange.upstream is not None and exchange.upstream.function is not None:
        exchange.upstream.function.update(report_facts(tail_of(log_result)))


def note_error(kind: str, exchange: Exchange) -> None:
    """Note that a function failed at the end of its stream."""
    if exchange.upstream is not None and exchange.upstream.function is not None:
        exchange.upstream.function["error"] = kind[:_LONGEST]


def note_answered(fields: Mapping[bytes, bytes], facts: UpstreamFacts) -> None:
    """Note what a function's URL or API Gateway tells: its id of the request, which an HTTP API has in its own field."""
    identity = fields.get(_OF_URLS) or fields.get(_OF_HTTP_APIS)
    if identity is not None:
        facts.function = {"request_id": identity.decode("latin-1")}
