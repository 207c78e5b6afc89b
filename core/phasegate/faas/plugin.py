"""`FunctionPlugin`: a proxy plugin that re-originates the request to a function over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ..errors import BadRequest, Finding, UpstreamError
from ..exchange import Exchange, FunctionFacts, UpstreamFacts
from ..http.body import NOTHING
from ..http.hygiene import end_to_end_request
from ..http.message import Response
from ..model import UpstreamTLS
from ..plugin import Plugin, Services, hookimpl
from ..upstream.answers import Answer
from ..upstream.call import Call, CallTimeouts, ConnectionOptions, Origin, call_of
from .gate import GateLimits
from .request import FunctionRequest
from .resilience import ResilienceFields
from .retries import Retrying, is_idempotent
from .schema import FUNCTION
from .sharing import shared_functions
from .target import FunctionTarget

_MILLISECONDS = 1000.0
_new = object.__new__


@dataclass(kw_only=True)
class FunctionPlugin(ResilienceFields, Plugin):
    """What every function plugin has: the fields below, the path suffix of prefix routes, header hygiene, body limit,
    timeouts, error mapping, retries, and the limit of calls at a time. A vendor's plugin adds its fields to `schema` and
    overrides `authorize`.

    Times are in milliseconds. `timeout` bounds the time to the complete head of the answer and, without `idle_timeout`,
    each wait for the next part of its body; waiting for the client never counts.
    """

    priority: ClassVar[int] = -1900
    schema: ClassVar[dict[str, Any]] = FUNCTION

    function_uri: str
    endpoint: str | None = None
    host: str | None = None
    timeout: int
    connect_timeout: int
    idle_timeout: int | None = None
    stream_timeout: int
    ssl_verify: bool
    keepalive: bool
    keepalive_pool: int
    keepalive_timeout: int
    max_req_body_size: int
    forward_client_credentials: bool

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry credentials of ours, so that plain http is warned about."""
        return False

    @property
    def head_timeout(self) -> int:
        """The time to the complete head of the answer; more than `timeout` where the service itself keeps to that."""
        return self.timeout

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Add the vendor's credentials: the last step before the request is sent, repeated when it is sent again.

        Nothing may touch the request after this.
        """

    def set_credential(self, request: FunctionRequest, name: bytes, value: bytes) -> None:
        """Put a credential of ours in the place of the client's own, unless that is to be forwarded."""
        if not self.forward_client_credentials or request.get(name) is None:
            request.set(name, value)

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Return the answer as the client shall see it, or None to authorize and send the request once more.

        The second answer is passed here too, and None then means to take it as it is. A FunctionFailed says by its
        `repeat` whether the call may be made once more.
        """
        return answer

    def is_idempotent(self, exchange: Exchange) -> bool:
        """Tell whether a call that may have run can be made once more without harm."""
        return is_idempotent(exchange.request)

    def identity(self) -> Hashable:
        """Return what is equal for all instances that call the same function: they share its budget and its places."""
        return self.name, self.target()

    def called(self, exchange: Exchange) -> str:
        """Return the name of the function that a request is for, where requests choose among several."""
        return ""

    def details(self, exchange: Exchange) -> FunctionFacts:
        """Return what the access log tells of a call even where it fails, beside what `accept` left in its facts."""
        return {}

    def check(self) -> Iterable[Finding]:
        """Refuse a function_uri that is none, and warn of what weakens TLS or goes without."""
        try:
            target = self.target()
        except ValueError as error:
            yield Finding("function_uri", f"must be an absolute http or https URL: {error}")
        else:
            if self.has_credentials and target.in_clear:
                place = "endpoint" if self.endpoint is not None else "function_uri"
                yield Finding(place, "is plain http: everybody on the way can read the credentials", "warning")
        if self.endpoint is not None and urlsplit(self.endpoint)[2:] not in (("", "", ""), ("/", "", "")):
            yield Finding("endpoint", "must be scheme, host and port alone: the path is function_uri's")
        if not self.ssl_verify:
            message = "is false: anybody between here and the function can read and answer its requests"
            yield Finding("ssl_verify", message, "warning")

    def target(self) -> FunctionTarget:
        """Return where the function is. Raise ValueError for a URL that can't be one."""
        return FunctionTarget.parse(self.function_uri, endpoint=self.endpoint, host=self.host)

    def destination(self) -> str | None:
        """Return the function's URL without its query."""
        return self.function_uri.partition("?")[0]

    def connects_to(self) -> Iterable[Origin]:
        """Return where the function is."""
        target = self.target()
        options = ConnectionOptions(
            tls=UpstreamTLS(verify=self.ssl_verify),
            keepalive=self.keepalive,
            keepalive_pool=self.keepalive_pool,
            keepalive_seconds=self.keepalive_timeout / _MILLISECONDS,
            tls_name=target.tls_name,
        )
        return (Origin(target.scheme, target.address, options),)

    async def open(self, services: Services) -> None:
        """Take what requests need, and decide whatever does not depend on them."""
        self.client = services.client
        self.clock = services.clock
        self.logger = services.logger
        self._monotonic = self.clock.monotonic
        self._target = self.target()
        self._timeouts = CallTimeouts(
            connect=self.connect_timeout / _MILLISECONDS,
            send=self.timeout / _MILLISECONDS,
            head=self.head_timeout / _MILLISECONDS,
            gap=(self.idle_timeout or self.timeout) / _MILLISECONDS,
            whole=self.stream_timeout / _MILLISECONDS,
            head_from_start=True,
        )
        self._host = b"host", self._target.host.encode("ascii")
        self._under = self._target.path_with("")
        self._origin = next(iter(self.connects_to()))
        self._shared, self._identity = shared_functions(self.client), self.identity()
        self._budget = self._shared.budget(self._identity, self.retry_budget, self.clock.monotonic())
        self._retries = self.make_retries(self._budget, self.clock)
        self._limits = self.gate_limits()

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        """Call the function and hand its answer on as a stream."""
        request = exchange.request
        if request.is_websocket:
            raise BadRequest("a function takes no WebSocket")
        body = request.body
        if body is not NOTHING and ((data := body.data) is None or len(data) > self.max_req_body_size):
            await body.hold(self.max_req_body_size)
        if self._limits is not None:
            return await self._in_turn(self._limits, exchange)
        self._budget.calls += 1
        try:
            # What `_attempt` does: one coroutine less on the way of every request.
            outgoing, now = self._request(exchange), self._monotonic
            await self.authorize(outgoing, exchange)
            call, began = self._call(outgoing, exchange), now()
            answer = await self.client.send(call)
            _note_answer(answer, exchange, now() - began)
            accepted = await self.accept(answer, exchange)
        except UpstreamError as error:
            return await self._answered(exchange, error)
        if accepted is not None:
            return accepted
        answer.close()
        return await self._answered(exchange, authorized_anew=True)

    async def _in_turn(self, limits: GateLimits, exchange: Exchange) -> Response:
        """Call the function once it has a place for the call, which a streamed answer holds until the exchange is over."""
        place = await self._shared.gate((self._identity, self.called(exchange)), limits).enter()
        exchange.defer(place.leave)
        self._budget.calls += 1
        response = await self._answered(exchange)
        if isinstance(response.body, bytes):
            place.leave()
        return response

    async def _answered(
        self, exchange: Exchange, failure: UpstreamError | None = None, *, authorized_anew: bool = False
    ) -> Response:
        """Call the function until it answers, or the failure is one after which it is not called once more."""
        retrying = self._retries.begin()
        while True:
            if failure is not None:
                await self._wait(failure, retrying, exchange)
            try:
                answer, accepted = await self._attempt(exchange)
            except UpstreamError as error:
                failure = error
                continue
            if accepted is not None or authorized_anew:
                self._note(retrying, exchange)
                return answer if accepted is None else accepted
            answer.close()
            failure, authorized_anew = None, True

    async def _attempt(self, exchange: Exchange) -> tuple[Answer, Response | None]:
        outgoing, now = self._request(exchange), self._monotonic
        await self.authorize(outgoing, exchange)
        call, began = self._call(outgoing, exchange), now()
        answer = await self.client.send(call)
        _note_answer(answer, exchange, now() - began)
        return answer, await self.accept(answer, exchange)

    async def _wait(self, error: UpstreamError, retrying: Retrying, exchange: Exchange) -> None:
        """Wait until a call that failed is made once more, or raise its error where it is not."""
        seconds = retrying.next(error, idempotent=self.is_idempotent(exchange))
        if seconds is None:
            self._note(retrying, exchange)
            raise error
        fields = {
            "cause": str(error),
            "wait_ms": round(seconds * _MILLISECONDS),
            "request_id": exchange.request_id,
            "route": exchange.route.id if exchange.route else None,
        }
        self.logger.warning("call repeated", extra=fields)
        await asyncio.sleep(seconds)

    def _note(self, retrying: Retrying, exchange: Exchange) -> None:
        """Leave in the exchange's facts what became of a call that was not simply answered."""
        known: FunctionFacts = {**self.details(exchange)}
        if retrying.made:
            known["retries"] = retrying.made
        if known and exchange.upstream is not None:
            exchange.upstream.function = {**(exchange.upstream.function or {}), **known}

    def _call(self, request: FunctionRequest, exchange: Exchange) -> Call:
        exchange.upstream = UpstreamFacts(self._target.address)
        host = self._host
        if request.host is not self._target.host:
            host = b"host", request.host.encode("ascii")
        return call_of(
            request.method,
            self._origin,
            request.path,
            request.query,
            [host, *request.headers],
            request.body,
            self._timeouts,
            exchange.request.passing,
        )

    def _request(self, exchange: Exchange) -> FunctionRequest:
        request, target = exchange.request, self._target
        query = request.query.raw
        # What `path_with` does, the path with its slash made ready.
        path = target.path if exchange.prefix is None else f"{self._under}{exchange.suffix}"
        if target.query:
            query = target.query_with(query)
        outgoing: FunctionRequest = _new(FunctionRequest)
        outgoing.method, outgoing.host, outgoing.path = request.method, target.host, path
        outgoing.query, outgoing.headers, outgoing.body = query, end_to_end_request(request), request.body
        return outgoing


def _note_answer(answer: Answer, exchange: Exchange, seconds: float) -> None:
    facts = exchange.upstream
    if facts is not None:
        facts.status, facts.seconds = answer.status, seconds
    if answer.streams:
        exchange.defer(answer.close)
