"""One route's plugins compiled into phases, and the run of one exchange through them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from .amendment import Amendment
from .authentication import Group, Step, recognize
from .errors import PluginFailed, PluginTimedOut, RequestError, RouteNotFound, ServiceUnavailable
from .exchange import Exchange
from .http.message import Response
from .http.problem import SERVER, error_response
from .http.websocket import WebSocketAnswer
from .model import Consumer, Route
from .plugin import Outcome, Plugin
from .registry import Registry

_logger = logging.getLogger(__name__)
_SERVER = (b"server", SERVER.encode("ascii"))
# It tells an upstream's own failure from one of the gateway's, whose status may be the same.
_UPSTREAM_STATUS, _SERVER_ERROR = "x-phasegate-upstream-status", 500
T = TypeVar("T")


class Member(NamedTuple):
    """A plugin instance in a chain, with the priority that holds there, and what `_meta` adds to it."""

    instance: Plugin
    priority: int
    amendment: Amendment | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The phases of a chain, each a tuple of steps in their order; what no plugin takes part in is empty.

    `authenticate` keeps the chains apart: a route's credential can't stand in for one that a global rule asks for.
    """

    rewrite: tuple[Step, ...]
    authenticate: tuple[Group, ...]
    access: tuple[Step, ...]
    proxy: tuple[Step, ...]
    response: tuple[Step, ...]
    log: tuple[Step, ...]

    @classmethod
    def compile(cls, registry: Registry, *chains: Sequence[Member]) -> Pipeline:
        """Return the pipeline of several chains, those given first running first within each phase.

        Inside a chain the order is tryfirst, then priority (higher first), then trylast.
        """

        def steps(hook: str) -> tuple[Step, ...]:
            return tuple(step for chain in chains for step in _ordered(registry, hook, chain))

        groups = [
            Group.of(_ordered(registry, "authenticate", chain), (member.instance for member in chain))
            for chain in chains
        ]
        return cls(
            rewrite=steps("rewrite"),
            authenticate=tuple(group for group in groups if group.steps),
            access=steps("access"),
            proxy=steps("proxy"),
            response=steps("response"),
            log=steps("log"),
        )


def _ordered(registry: Registry, hook: str, chain: Iterable[Member]) -> tuple[Step, ...]:
    found = []
    for member in chain:
        implementation = registry.implementation(type(member.instance), hook)
        if implementation is not None:
            name, call = member.instance.name, implementation.function.__get__(member.instance)
            if member.amendment is not None:
                call = member.amendment.of(name, hook, call)
            found.append((implementation.rank, -member.priority, name, (name, call)))
    return tuple(entry[-1] for entry in sorted(found, key=lambda entry: entry[:3]))


class Run:
    """One exchange on its way through a pipeline; after authentication the consumer's pipeline goes on."""

    __slots__ = ("_exchange", "_for_consumer", "_pipeline", "_refused")

    def __init__(
        self,
        exchange: Exchange,
        pipeline: Pipeline,
        for_consumer: Callable[[Route | None, Consumer], Pipeline],
        refused: RequestError | None = None,
    ) -> None:
        self._exchange = exchange
        self._pipeline = pipeline
        self._for_consumer = for_consumer
        self._refused = refused

    async def answer(self) -> Response:  # noqa: C901, PLR0912 (a coroutine for each phase would cost every request)
        """Run every phase up to `response` and return the answer, an error's included. Only cancelling ends it early."""
        exchange, pipeline = self._exchange, self._pipeline
        try:
            if self._refused is not None:
                raise self._refused
            response = None
            if pipeline.rewrite:
                response = await self._first("rewrite", pipeline.rewrite)
            if response is None and pipeline.authenticate:
                waiting = recognize(exchange, pipeline.authenticate, self._outcome)
                if waiting is not None:
                    await waiting
                consumer = exchange.consumer
                pipeline = self._authenticated(consumer) if consumer is not None and consumer.plugins else pipeline
            if response is None and pipeline.access:
                response = await self._first("access", pipeline.access)
            if response is None:
                for plugin, call in pipeline.proxy:
                    try:
                        response = await call(exchange)
                    except BaseException as error:  # noqa: BLE001
                        raise _raised(error, plugin, "proxy")  # noqa: B904 (the same one, as a rule)
                    if response is not None:
                        if (
                            not isinstance(response, Response)
                            or type(status := response.status) is not int
                            or not 200 <= status <= 599
                        ):
                            response = _checked(response, Response, plugin, "proxy")
                        break
                else:
                    raise self._unclaimed()
        except RequestError as error:
            response = self._failed(error)
        upstream = exchange.upstream
        if upstream is not None and (upstream.status or 0) >= _SERVER_ERROR:
            response.headers[_UPSTREAM_STATUS] = str(upstream.status)
        if self._pipeline.response:
            response = await self._changed(response)
        exchange.response = response
        fields = response.headers.raw
        # Of several, listeners send the first. A plugin may keep its answer and give it again.
        if not fields or fields[0] is not _SERVER:
            response.headers.raw = [_SERVER, *fields]
        return response

    async def log(self) -> None:
        """Run the log phase; a plugin that fails in it is reported and the next one runs."""
        for plugin, call in self._pipeline.log:
            try:
                await call(self._exchange)
            except BaseException as error:
                failure = _failure(plugin, "log", error)
                fields = {"plugin": plugin, "phase": "log", "cause": str(failure), **self._where()}
                _logger.exception("plugin failed", extra=fields)

    async def _first(self, phase: str, steps: tuple[Step, ...]) -> Response | None:
        for plugin, call in steps:
            try:
                response = await call(self._exchange)
            except BaseException as error:  # noqa: BLE001
                raise _raised(error, plugin, phase)  # noqa: B904 (the same one, as a rule)
            if response is not None:
                return _usable(response, plugin, phase)
        return None

    async def _changed(self, response: Response) -> Response:
        for plugin, call in self._pipeline.response:
            try:
                changed = await call(self._exchange, response)
                if changed is not None:
                    response = _checked(changed, Response, plugin, "response")
                elif type(response.status) is not int or not 200 <= response.status <= 599:
                    _judge_status(response, plugin, "response")
            except BaseException as error:  # noqa: BLE001 (a plugin may raise anything)
                response = self._failed(_raised(error, plugin, "response"))
        return response

    def _authenticated(self, consumer: Consumer) -> Pipeline:
        self._pipeline = self._for_consumer(self._exchange.route, consumer)
        return self._pipeline

    def _failed(self, error: RequestError) -> Response:
        self._exchange.error = error
        return error_response(error, self._exchange.request_id)

    async def _outcome(self, step: Step) -> Outcome:
        plugin, call = step
        try:
            outcome = await call(self._exchange)
        except BaseException as error:  # noqa: BLE001
            raise _raised(error, plugin, "authenticate")  # noqa: B904 (the same one, as a rule)
        return outcome if isinstance(outcome, Outcome) else _checked(outcome, Outcome, plugin, "authenticate")

    def _unclaimed(self) -> RequestError:
        if self._exchange.route is None:
            return RouteNotFound("no route matches")
        return ServiceUnavailable("the route has no upstream, and no plugin answered")

    def _where(self) -> dict[str, str | None]:
        route = self._exchange.route
        return {"route": route.id if route else None, "request_id": self._exchange.request_id}


def _raised(error: BaseException, plugin: str, phase: str) -> RequestError:
    """Return what a plugin's error is to the gateway."""
    if isinstance(error, RequestError):
        return _judged_error(error, plugin, phase)
    failure = _failure(plugin, phase, error)
    failure.__cause__ = error
    return failure


def _failure(plugin: str, phase: str, error: BaseException) -> PluginFailed:
    """Return the error for what a plugin raised, be it to exit. Cancelling of the request itself goes on; a plugin's own is
    its failure.
    """
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        raise error
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise error
        if error.args and isinstance(error.args[0], PluginTimedOut):
            return error.args[0]
    message = f"plugin {plugin} failed in {phase}: {type(error).__name__}: {error}"
    return PluginFailed(message, plugin=plugin, phase=phase)


def _judged_error(error: RequestError, plugin: str, phase: str) -> RequestError:
    """Return an error that a plugin raised, or the plugin's failure where no answer can carry its status, headers or members."""
    try:
        _judge_status(error, plugin, phase)
        if error.headers or error.members:
            error_response(error, None)
    except PluginFailed as refused:
        return refused
    except (TypeError, ValueError) as cause:
        failure = _failure(plugin, phase, cause)
        failure.__cause__ = cause
        return failure
    return error


def _usable(response: Any, plugin: str, phase: str) -> Response:
    if isinstance(response, Response) and type(response.status) is int and 200 <= response.status <= 599:
        return response
    return _checked(response, Response, plugin, phase)


def _checked(value: Any, wanted: type[T], plugin: str, phase: str) -> T:
    if not isinstance(value, wanted):
        message = f"plugin {plugin} returned a {type(value).__name__} from {phase}: return a {wanted.__name__}"
        raise PluginFailed(message, plugin=plugin, phase=phase)
    if isinstance(value, Response):
        _judge_status(value, plugin, phase)
    return value


def _judge_status(response: Response | RequestError, plugin: str, phase: str) -> None:
    status: object = response.status
    if isinstance(response, WebSocketAnswer):
        return
    if not isinstance(status, int) or not 200 <= status <= 599:
        message = f"plugin {plugin} answered with status {status!r}: give one from 200 to 599"
        raise PluginFailed(message, plugin=plugin, phase=phase)
