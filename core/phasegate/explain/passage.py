"""One exchange that is explained: it is answered as any other, and what happened is told once it is over."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..application import Passage, finish
from ..errors import RequestError
from ..http.message import Request, Response
from ..model import Route
from ..router import near_misses
from ..snapshot import Snapshot
from ..snapshot.slices import sliced
from ..upstream.client import UpstreamClient
from .report import Report, Told
from .secrets import Secrets, entries_of
from .trace import Trace


class ExplainedPassage:
    """Sees that an exchange is noted on its way; `told` gets the explanation, after the answer has left.

    `passage` runs the pipelines of a `TracedSnapshot` over the same trace.
    """

    def __init__(
        self,
        passage: Passage,
        trace: Trace,
        snapshot: Snapshot,
        *,
        client: UpstreamClient,
        secrets: Secrets,
        told: Callable[[Told], object],
        dry_run: bool = False,
    ) -> None:
        self._passage = passage
        self._trace = trace
        self._snapshot = snapshot
        self._client = client
        self._secrets = secrets
        self._told = told
        self._dry_run = dry_run
        snapshot.acquire()

    async def answer(self) -> Response:
        """Return the answer."""
        with self._client.watched(self._trace.watch):
            return await self._passage.answer()

    async def finish(self, error: RequestError | None, bytes_sent: int) -> None:
        """End the exchange, then tell what happened."""
        seconds = time.monotonic() - self._trace.began
        try:
            with self._client.watched(self._trace.watch):
                await finish(self._passage, error, bytes_sent)
            self._told(await self._explanation(seconds, bytes_sent))
        finally:
            self._snapshot.release()

    async def _explanation(self, seconds: float, bytes_sent: int) -> Told:
        trace, snapshot = self._trace, self._snapshot
        exchange = trace.exchange
        veil = self._secrets.veil(exchange, snapshot)
        writers = [entry.name for entry in entries_of(exchange, snapshot) if any(self._secrets.of_entry(entry))]
        received = Request.of(exchange.received)
        served = [route for route in snapshot.resolved.routes.values.values() if route is not None]
        misses = await sliced(near_misses(snapshot.router, received, served, _turned_off(snapshot)))
        veiled = [(miss, veil.with_names(self._secrets.places(miss.route.plugins))) for miss in misses]
        report = Report(trace, veil, writers, dry_run=self._dry_run)
        return report.whole(veiled, seconds=seconds, bytes_sent=bytes_sent)


def _turned_off(snapshot: Snapshot) -> list[Route]:
    """Return what routes with `status: 0` match; they are resolved no further."""
    resources = snapshot.resolved.inventory.kinds["routes"]
    off = [resources[id_] for id_, route in snapshot.resolved.routes.values.items() if route is None]
    return [
        Route(
            item.id,
            (item.value["uri"],) if "uri" in item.value else tuple(item.value["uris"]),
            hosts=(item.value["host"],) if "host" in item.value else tuple(item.value.get("hosts", ())),
            methods=frozenset(item.value.get("methods", ())),
            source=item.source,
        )
        for item in off
    ]
