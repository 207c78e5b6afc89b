"""An explanation as JSON values: what a person, or a program, is told of one exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from ..errors import RequestError
from ..exchange import FunctionFacts
from ..http.headers import Headers
from ..http.message import Request, Response
from ..http.query import Query
from ..model import Route
from ..pipeline import Pipeline
from ..plugin import Outcome
from ..router import NearMiss, Reason
from ..upstream.watching import SeenCall
from .conditions import present, spelt
from .differences import answer_changes, request_changes
from .trace import Answered, StepTrace, Trace
from .veil import Veil

Told = dict[str, Any]
_BEFORE = ("rewrite", "authenticate", "access", "proxy")


class Report:
    """Tells of a trace what its veil lets through; `writers` are the plugins whose new fields may be made of secrets."""

    def __init__(self, trace: Trace, veil: Veil, writers: Iterable[str], *, dry_run: bool = False) -> None:
        self._trace = trace
        self._exchange = trace.exchange
        self._veil = veil
        self._writers = frozenset(writers)
        self._dry_run = dry_run

    def whole(self, misses: Iterable[tuple[NearMiss, Veil]], *, seconds: float, bytes_sent: int) -> Told:
        """Return everything; `misses` come with the veils for their own routes' credentials."""
        exchange = self._exchange
        return {
            "request": self._request(Request.of(exchange.received)),
            "route": self._route(exchange.route),
            "near_misses": [self._near_miss(miss, veil) for miss, veil in misses],
            "steps": [*map(self._step, self._trace.steps), *self._not_run()],
            "stopped_by": self._stopped_by(),
            "consumer": exchange.consumer.username if exchange.consumer else None,
            "answer": None if self._dry_run and exchange.error is None else self._answer(bytes_sent),
            "error": self._error(exchange.error),
            "dry_run": self._dry_run,
            "ms": _ms(seconds),
        }

    def _request(self, request: Request) -> Told:
        return {
            "id": self._exchange.request_id,
            "method": request.method,
            "scheme": request.scheme,
            "host": request.host,
            "path": self._veil.text(request.path),
            "query": self._veil.query(request.query.raw),
            "protocol": f"HTTP/{request.http_version}",
            "client": request.client,
            "headers": [[name, self._veil.received(name, value)] for name, value in request.headers],
        }

    def _route(self, route: Route | None) -> Told | None:
        if route is None:
            return None
        params = {name: self._veil.value(name, value) for name, value in self._exchange.params.items()}
        return {**_named(route), "params": params, "prefix": self._exchange.prefix}

    def _near_miss(self, miss: NearMiss, veil: Veil) -> Told:
        request = Request.of(self._exchange.received)
        reasons = [{"ground": one.ground, "text": _sentence(one, request, veil)} for one in miss.reasons]
        return {**_named(miss.route), "reasons": reasons}

    def _step(self, step: StepTrace) -> Told:
        outcome, status, why = _outcome(step)
        hide = step.plugin in self._writers
        changes = request_changes(step.before, step.after or step.before, self._veil, hide_new=hide)
        answer = answer_changes(step.answer_before, step.answer_after, self._veil, hide_new=hide)
        return {
            "phase": step.phase,
            "plugin": step.plugin,
            "outcome": outcome,
            "status": status,
            "why": self._veil.text(why) if why else None,
            "at_ms": _ms(step.began),
            "ms": _ms(step.seconds),
            "changes": [asdict(change) for change in (*changes, *answer)],
            "calls": [self._call(call) for call in step.calls],
        }

    def _not_run(self) -> Iterator[Told]:
        """Yield the steps that never came to be run."""
        if self._trace.pipeline is None:
            return
        ran = Counter((step.phase, step.plugin) for step in self._trace.steps)
        for planned in _planned(self._trace.pipeline):
            ran[planned] -= 1
            if ran[planned] < 0:
                phase, plugin = planned
                yield {"phase": phase, "plugin": plugin, "outcome": "not_run", "status": None, "why": None} | {
                    "at_ms": None,
                    "ms": None,
                    "changes": [],
                    "calls": [],
                }

    def _stopped_by(self) -> Told | None:
        """Return who kept the request from an upstream: a plugin, or the gateway between two of them."""
        for step in self._trace.steps:
            if step.phase in _BEFORE[:3] and (step.error is not None or isinstance(step.result, Response)):
                return {"phase": step.phase, "plugin": step.plugin}
        if self._dry_run and self._exchange.error is None:
            return {"phase": "proxy", "plugin": "dry run"}
        error = self._exchange.error
        if error is None or any(step.phase == "proxy" for step in self._trace.steps):
            return None
        asked = [step.plugin for step in self._trace.steps if step.phase == "authenticate" and step.plugin[0] != "("]
        if asked:
            return {"phase": "authenticate", "plugin": ", ".join(asked)}
        return {"phase": "route", "plugin": "(gateway)"}

    def _call(self, seen: SeenCall) -> Told:
        call = seen.call
        path, _, query = call.target.partition("?")
        return {
            "method": call.method,
            "url": f"{call.origin.scheme}://{self._veil.text(call.origin.address + path)}{self._passed_on(query)}",
            "address": self._veil.text(call.origin.address),
            "headers": sorted({name.decode("latin-1") for name, _ in call.headers}),
            "connection": "new" if seen.connected else "reused",
            "connect_ms": _ms(sum(seen.connected)) if seen.connected else None,
            "head_ms": None if seen.seconds is None else _ms(seen.seconds),
            "status": seen.status,
            "error": self._error(seen.error),
        }

    def _passed_on(self, query: str) -> str:
        """Return a query with the values that the client sent; others may be keys of the function's."""
        if not query:
            return ""
        known = {*Query(self._exchange.request.query.raw).pairs(), *Request.of(self._exchange.received).query.pairs()}
        pairs = Query(query).pairs()
        shown = (
            name + "=" + (self._veil.argument(name, value) if (name, value) in known else "***")
            for name, value in pairs
        )
        return "?" + "&".join(shown)

    def _answer(self, bytes_sent: int) -> Told | None:
        answered = Answered.of(self._exchange.response)
        if answered is None:
            return None
        facts = self._exchange.upstream
        return {
            "status": answered.status,
            "headers": [[name, self._veil.value(name, value)] for name, value in Headers.from_raw(answered.headers)],
            "bytes": bytes_sent,
            "upstream_status": facts.status if facts else None,
            "function": self._function(facts.function) if facts and facts.function else None,
        }

    def _function(self, facts: FunctionFacts) -> Told:
        return {name: self._veil.value(name, item) if isinstance(item, str) else item for name, item in facts.items()}

    def _error(self, error: BaseException | None) -> Told | None:
        if error is None:
            return None
        told = {"code": error.code, "status": error.status} if isinstance(error, RequestError) else {}
        return {**told, "cause": self._veil.text(str(error) or type(error).__name__)}


def _named(route: Route) -> Told:
    uris, hosts = list(route.uris), list(route.hosts)
    return {"id": route.id, "name": route.name, "uris": uris, "hosts": hosts, "source": route.source}


def _sentence(reason: Reason, request: Request, veil: Veil) -> str:
    if reason.condition is None:
        return veil.text(reason.text)
    there = present(reason.condition, request, veil)
    return f"{reason.text}: {spelt(reason.condition, veil)}" + (f" ({there})" if there else "")


def _outcome(step: StepTrace) -> tuple[str, int | None, str | None]:
    """Return in a word what a step came to, the status that it answered with, and why."""
    error, result = step.error, step.result
    if isinstance(error, RequestError):
        return "refused", error.status, str(error)
    if error is not None:
        return "failed", None, f"{type(error).__name__}: {error}"
    if isinstance(result, Outcome):
        return _finding(result)
    if isinstance(result, Response):
        return ("changed" if step.phase == "response" else "answered"), result.status, None
    return "went_on", None, None


def _finding(outcome: Outcome) -> tuple[str, int | None, str | None]:
    if outcome.holds:
        return "known", None, outcome.consumer.username if outcome.consumer else None
    return (
        ("invalid", None, outcome.reason or outcome.message) if outcome.present else ("absent", None, outcome.message)
    )


def _planned(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    yield from (("rewrite", plugin) for plugin, _ in pipeline.rewrite)
    yield from (("authenticate", plugin) for group in pipeline.authenticate for plugin, _ in group.steps)
    for phase in ("access", "proxy", "response", "log"):
        yield from ((phase, plugin) for plugin, _ in getattr(pipeline, phase))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
