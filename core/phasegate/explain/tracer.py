"""Pipelines whose steps are noted: the same steps in the same order, made for one exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from ..authentication import Step
from ..exchange import Exchange
from ..http.message import Response
from ..model import Consumer, Route
from ..pipeline import Pipeline
from ..snapshot import Snapshot
from .trace import Trace


class TracedSnapshot:
    """The pipelines of a snapshot as one exchange runs through them, each step noted.

    With `dry_run` it ends before the proxy phase, and nobody changes or logs the answer, for there is none.
    """

    def __init__(self, snapshot: Snapshot, trace: Trace, *, dry_run: bool = False) -> None:
        self._snapshot = snapshot
        self._trace = trace
        self._dry_run = dry_run

    def pipeline(self, route: Route | None) -> Pipeline:
        """Return the pipeline of a route."""
        return self._traced(self._snapshot.pipeline(route))

    def pipeline_for(self, route: Route | None, consumer: Consumer) -> Pipeline:
        """Return the pipeline of a route for a consumer."""
        return self._traced(self._snapshot.pipeline_for(route, consumer))

    def _traced(self, pipeline: Pipeline) -> Pipeline:
        self._trace.pipeline = pipeline
        return replace(
            pipeline,
            rewrite=self._steps("rewrite", pipeline.rewrite),
            authenticate=tuple(
                replace(group, steps=self._steps("authenticate", group.steps)) for group in pipeline.authenticate
            ),
            access=self._steps("access", pipeline.access),
            proxy=self._proxy(pipeline.proxy),
            response=() if self._dry_run else self._steps("response", pipeline.response),
            log=() if self._dry_run else self._steps("log", pipeline.log),
        )

    def _proxy(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        if self._dry_run and steps:
            return (("dry-run", _stop),)
        return self._steps("proxy", steps)

    def _steps(self, phase: str, steps: Iterable[Step]) -> tuple[Step, ...]:
        return tuple((step[0], partial(self._trace.run, phase, step)) for step in steps)


async def _stop(_: Exchange) -> Response:
    return Response(204)
