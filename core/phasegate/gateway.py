"""The application: takes a request, lets its route's pipeline answer, and records what happened."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from time import monotonic
from typing import Any

from . import request_ids
from .access_log import AccessLog
from .application import Passage
from .errors import BadRequest, ClientClosed, Misdirected, PluginFailed, RequestError
from .exchange import Exchange
from .explain.live import Live
from .explain.passage import ExplainedPassage
from .explain.report import Told
from .explain.secrets import Secrets
from .explain.trace import Trace
from .explain.tracer import TracedSnapshot
from .http.address import Network
from .http.body import NOTHING
from .http.headers import name_of
from .http.hygiene import ExplanationAsked, client_address
from .http.message import Request
from .pipeline import Run
from .plugin import Plugin, Services, SystemClock
from .schema.tables import Schemas
from .snapshot import Snapshot, Sources
from .snapshot.certificates import Certificates
from .snapshot.consumers import LiveConsumers
from .snapshot.garbage import undisturbed
from .store.records import Key, Record
from .upstream.client import UpstreamClient

_logger = logging.getLogger(__name__)

_NOTHING: Mapping[Any, Any] = {}
_OPEN_UNDISTURBED_SECONDS = 5.0
_SLASHES = re.compile("/{2,}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:+/=-]{8,128}")


class Gateway:
    """Answers requests by the current snapshot, and swaps snapshots without a request noticing.

    `live` says which requests are explained because they ask for it; without, none is.
    """

    def __init__(
        self,
        schemas: Schemas,
        *,
        trusted_proxies: tuple[Network, ...] = (),
        access_log: AccessLog | None = None,
        live: Live | None = None,
    ) -> None:
        self._schemas = schemas
        self._trusted = trusted_proxies
        self._access_log = access_log
        self._live = live
        self._client = UpstreamClient()
        self._consumers = LiveConsumers()
        self._snapshot = Snapshot({}, schemas)
        self._closing: set[asyncio.Task[None]] = set()

    async def prepare(
        self,
        document: Mapping[str, Any],
        records: Mapping[Key, Record] = _NOTHING,
        references: Mapping[str, str] = _NOTHING,
    ) -> Snapshot:
        """Build and open a snapshot off to the side. Raise ConfigError, with nothing changed, when it can't be.

        It takes what did not change from the current one, and is built in slices, so that requests go on meanwhile.
        """
        base = self._snapshot
        # What it takes over must stay open, even where another snapshot is swapped in before this one is ready.
        base.acquire()
        try:
            with undisturbed():
                candidate = await Snapshot.build(Sources(document, records, references), self._schemas, base)
            return await self.opened(candidate)
        finally:
            base.release()

    async def opened(self, candidate: Snapshot) -> Snapshot:
        """Open the plugins of a snapshot and return it. Raise ConfigError when one can't be."""
        # Plugins may take their time, and requests leave garbage meanwhile.
        with undisturbed(_OPEN_UNDISTURBED_SECONDS):
            await candidate.open(self._services)
        return candidate

    def swap(self, candidate: Snapshot) -> None:
        """Answer by this snapshot from now on; exchanges under way end by the one they began with."""
        former, self._snapshot = self._snapshot, candidate
        self._consumers.index = candidate.index
        former.retire(lambda: self._close_later(former))

    def certificates(self) -> Certificates:
        """Return the certificates that new connections are made with."""
        return self._snapshot.certificates

    def begin(self, request: Request, refused: RequestError | None = None) -> Passage:
        """Take a request in, as the listener cleaned it; with `refused` it is answered by that error.

        With ExplanationAsked it is explained, if its token is good, and answered as any other.
        """
        if self._trusted:
            request.client, request.peer_trusted = client_address(request.headers, request.peer, self._trusted)
        exchange = Exchange(request, _identified(request), monotonic())
        snapshot = self._snapshot
        snapshot.users += 1  # what `acquire` does, without a call
        if refused is not None:
            return self._told_of(exchange, snapshot, refused)
        return GatewayPassage(exchange, snapshot, self._access_log, _find_route(exchange, snapshot))

    def explaining(self, request: Request, told: Callable[[Told], object], *, dry_run: bool = False) -> Passage:
        """Take in a request that is no client's, and tell what happened to it once it is over.

        With `dry_run` it ends before the proxy phase, and is not logged.
        """
        exchange = Exchange(request, _identified(request), monotonic())
        snapshot = self._snapshot
        snapshot.acquire()
        return self._explained(exchange, snapshot, _find_route(exchange, snapshot), told, dry_run=dry_run)

    def misdirected(self, request: Request) -> Misdirected | None:
        """Return why a request for a host with a rule for client certificates can't be answered on its connection.

        The rule protects the host on every connection: one that another name, an older rule, or no TLS at all stands for
        has proven nothing (RFC 9113 section 9.1.2).
        """
        return self._snapshot.certificates.misdirected(request)

    @cached_property
    def _secrets(self) -> Secrets:
        return Secrets(self._schemas)

    def _told_of(self, exchange: Exchange, snapshot: Snapshot, refused: RequestError) -> Passage:
        """Go on with a request of which the listener says something: that it is refused, or asks to be explained."""
        if not isinstance(refused, ExplanationAsked):
            return GatewayPassage(exchange, snapshot, self._access_log, refused)
        found = _find_route(exchange, snapshot)
        if self._live is not None and self._live.admits(refused.token):
            return self._explained(exchange, snapshot, found, self._live.keep)
        return GatewayPassage(exchange, snapshot, self._access_log, found)

    def _explained(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        refused: RequestError | None,
        told: Callable[[Told], object],
        *,
        dry_run: bool = False,
    ) -> Passage:
        trace = Trace(exchange)
        traced = TracedSnapshot(snapshot, trace, dry_run=dry_run)
        passage = GatewayPassage(exchange, snapshot, None if dry_run else self._access_log, refused, traced)
        return ExplainedPassage(
            passage, trace, snapshot, client=self._client, secrets=self._secrets, told=told, dry_run=dry_run
        )

    async def close(self) -> None:
        """Close the current snapshot's plugins, every connection, and write the access log out."""
        await self._snapshot.close()
        await asyncio.gather(*self._closing)
        await self._client.close()
        if self._access_log is not None:
            self._access_log.flush()

    def _services(self, plugin: Plugin) -> Services:
        logger = logging.getLogger(f"phasegate.plugins.{plugin.name}")
        return Services(self._client, self._consumers, logger, SystemClock(), self._metadata)

    def _metadata(self, plugin: str) -> Mapping[str, Any] | None:
        return self._snapshot.metadata(plugin)

    def _close_later(self, snapshot: Snapshot) -> None:
        task = asyncio.get_running_loop().create_task(snapshot.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class GatewayPassage(Run):
    """One exchange from its route to its log line; with `traced` it runs through the pipelines of that."""

    __slots__ = ("_access_log", "_snapshot")

    def __init__(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        access_log: AccessLog | None,
        refused: RequestError | None,
        traced: TracedSnapshot | None = None,
    ) -> None:
        pipelines = snapshot if traced is None else traced
        # Run's own way would be one more call.
        self._exchange, self._refused = exchange, refused
        self._pipeline, self._for_consumer = pipelines.pipeline(exchange.route), pipelines.pipeline_for
        self._snapshot = snapshot
        self._access_log = access_log

    def finish(self, error: RequestError | None, bytes_sent: int) -> Awaitable[None] | None:
        """End the exchange once its answer has left or failed: give back what it held, then log.

        `error` tells what broke the answer off after its head: the client, or the upstream.
        """
        if self._pipeline.log:
            return self._finish_and_log(error, bytes_sent)
        snapshot = self._snapshot
        try:
            self._end(error, bytes_sent)
        finally:
            if snapshot.retired is None:
                snapshot.users -= 1  # what `release` does, without a call
            else:
                snapshot.release()
        return None

    async def _finish_and_log(self, error: RequestError | None, bytes_sent: int) -> None:
        try:
            self._end(error, bytes_sent)
            await self.log()
        finally:
            self._snapshot.release()

    def _end(self, error: RequestError | None, bytes_sent: int) -> None:
        exchange = self._exchange
        if error is not None:
            exchange.error = error
        exchange.bytes_sent = bytes_sent
        if exchange._closers:  # noqa: SLF001 (most have none, and a call to find that out)
            exchange.close()
        if (body := exchange.request.body) is not NOTHING:
            body.close()
        error, answered = exchange.error, exchange.response
        if error is not None:
            _report(exchange, error)
            if isinstance(error, ClientClosed):
                answered = None
        if self._access_log is not None:
            self._access_log.record(exchange, ClientClosed.status if answered is None else answered.status)


def _find_route(exchange: Exchange, snapshot: Snapshot) -> RequestError | None:
    """Note the route that the request takes, or return why it is refused.

    Upstreams merge repeated slashes, AWS among them; a path that would then take another route is refused, since it would be
    authorised by one route and answered as if it had come through the other.
    """
    request, certificates = exchange.request, snapshot.certificates
    if certificates.asks_clients and (misdirected := certificates.misdirected(request)) is not None:
        return misdirected
    match = snapshot.router.match(request)
    if "//" in request._path:  # noqa: SLF001 (a property takes seven times as long)
        merged = snapshot.router.match(request.with_path(_SLASHES.sub("/", request.path)))
        if (merged and merged.route) != (match and match.route):
            return BadRequest(f"path {request.path!r} would take another route once its slashes are merged")
    if match is not None:
        exchange.route, exchange.prefix = match.route, match.prefix
        if match.params:
            exchange.params = dict(match.params)
    return None


def _identified(request: Request) -> str:
    """Return the request's id, which stands first in its fields afterwards: the client's where it gave one, or a new one."""
    headers, known = request.headers, request.passing
    raw = headers.raw
    if (known is None or raw is not known.said or not known.is_anonymous) and b"x-request-id" in map(name_of, raw):
        given = [value for name, value in raw if name == b"x-request-id"]
        found = given[0].decode("latin-1")
        # A list of its own in any case: a listener may have more requests of the same fields.
        raw = [field for field in raw if field[0] != b"x-request-id"]
        if _REQUEST_ID.fullmatch(found):
            headers.raw = [(b"x-request-id", given[0]), *raw]
            return found
    new = request_ids.new()
    headers.raw = [(b"x-request-id", new.encode()), *raw]
    return new


def _report(exchange: Exchange, error: RequestError) -> None:
    """Log why a request failed, once, with what the client may not know."""
    fields = {
        "code": error.code,
        "cause": str(error),
        "request_id": exchange.request_id,
        "route": exchange.route.id if exchange.route else None,
    }
    trace = error.__cause__ if isinstance(error, PluginFailed) else None
    if isinstance(error, PluginFailed):
        fields |= {"plugin": error.plugin, "phase": error.phase}
    _logger.log(error.log_level, "request failed", extra=fields, exc_info=trace)
