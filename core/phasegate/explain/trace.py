"""What happened to one exchange: each step of its pipeline, with what was there before it and after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..authentication import Step
from ..exchange import Exchange
from ..http.headers import RawHeaders
from ..http.message import Response
from ..pipeline import Pipeline
from ..upstream.watching import SeenCall, Watch

GATEWAY = "(gateway)"
"""Whose step it is when no plugin's."""


class Asked(NamedTuple):
    """The request and its caller at one moment; bodies are compared by identity."""

    method: str
    path: str
    query: str
    headers: RawHeaders
    body: object
    consumer: str | None

    @classmethod
    def of(cls, exchange: Exchange) -> Asked:
        """Return what the request is now."""
        request, consumer = exchange.request, exchange.consumer
        name = consumer.username if consumer else None
        return cls(request.method, request.path, request.query.raw, request.headers.raw, request.body, name)


class Answered(NamedTuple):
    """The answer at one moment."""

    status: int
    headers: RawHeaders
    body: object

    @classmethod
    def of(cls, response: object) -> Answered | None:
        """Return what the answer is now, None where there is none."""
        if not isinstance(response, Response):
            return None
        return cls(response.status, response.headers.raw, response.body)


@dataclass(slots=True, eq=False)
class StepTrace:
    """One plugin's part in one phase. Times are in seconds, `began` since the exchange did.

    `result` is what it returned, `error` what it raised; `calls` are those that it made.
    """

    phase: str
    plugin: str
    began: float
    before: Asked
    answer_before: Answered | None = None
    after: Asked | None = None
    answer_after: Answered | None = None
    seconds: float = 0.0
    result: Any = None
    error: BaseException | None = None
    calls: list[SeenCall] = field(default_factory=list)


class Trace:
    """The steps of one exchange in their order. What changed between two of them was the gateway's own doing."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.began = time.monotonic()
        self.watch = Watch()
        self.steps: list[StepTrace] = []
        self.received = self._last = Asked.of(exchange)
        self.pipeline: Pipeline | None = None
        """The one that ran last, which after authentication is the consumer's."""

    async def run(self, phase: str, step: Step, exchange: Exchange, *arguments: Any) -> Any:
        """Run a step and note it."""
        plugin, call = step
        one = self._begin(phase, plugin, arguments)
        calls = len(self.watch.calls)
        try:
            one.result = await call(exchange, *arguments)
        except BaseException as error:
            one.error = error
            raise
        finally:
            one.seconds = time.monotonic() - self.began - one.began
            one.after = self._last = Asked.of(exchange)
            one.answer_after = Answered.of(arguments[0] if one.result is None and arguments else one.result)
            one.calls = self.watch.calls[calls:]
        return one.result

    def _begin(self, phase: str, plugin: str, arguments: tuple[Any, ...]) -> StepTrace:
        now, began = Asked.of(self.exchange), time.monotonic() - self.began
        if now != self._last:
            former = self.steps[-1].phase if self.steps else phase
            self.steps.append(StepTrace(former, GATEWAY, began, self._last, after=now))
        answer = Answered.of(arguments[0]) if arguments else None
        one = StepTrace(phase, plugin, began, now, answer)
        self.steps.append(one)
        return one
