"""`forward-auth`: an HTTP service is asked whether a request may go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from phasegate import (
    Body,
    ConnectionOptions,
    Exchange,
    Finding,
    Headers,
    Origin,
    Plugin,
    Response,
    Services,
    UpstreamError,
    UpstreamTLS,
    goes_on_as_preflight,
    hookimpl,
)

from . import own_headers
from .asking import Service, origin_of
from .refusal import refused

_NAMES = {"type": "list", "schema": {"type": "string", "regex": "[A-Za-z0-9_-]+"}, "default": []}
_VALUE = {"type": "string", "regex": r"([!-~]([ -~]*[!-~])?)?"}
# They frame a message, or say who the gateway says the caller is, which no service may write for it.
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-anonymous-consumer",
        "x-consumer-custom-id",
        "x-consumer-groups",
        "x-consumer-id",
        "x-consumer-username",
        "x-credential-identifier",
    }
)
_CHALLENGE = 'forward-auth realm="forward-auth"'
_MILLISECONDS = 1000.0


@dataclass(kw_only=True)
class ForwardAuth(Plugin):
    """Asks a service about every request: an answer of 2xx lets it through, any other is the client's answer.

    The service is told method, host, path and query as `X-Forwarded-*`; the path is in the one form that everything
    behind it uses, so that no spelling of it is judged as one path and answered as another.
    """

    name: ClassVar[str] = "forward-auth"
    priority: ClassVar[int] = 2002
    schema: ClassVar = {
        "uri": {"type": "string", "format": "url", "required": True, "about": "Where the service is that is asked."},
        "request_method": {
            "type": "string",
            "allowed": ["GET", "POST"],
            "default": "GET",
            "about": "The method that it is asked with; POST shows it the body, too.",
        },
        "request_headers": {**_NAMES, "about": "The client's headers that it gets."},
        "extra_headers": {
            "type": "dict",
            "keysrules": {"type": "string", "regex": "[A-Za-z0-9_-]+"},
            "valuesrules": _VALUE,
            "default": {},
            "about": "What else it gets, by name.",
        },
        "upstream_headers": {**_NAMES, "about": "Those of its headers that the upstream gets, never the client's own."},
        "client_headers": {**_NAMES, "about": "Those of its headers that the client gets with a refusal."},
        "ssl_verify": {"type": "boolean", "default": True, "about": "Verify the service's certificate."},
        "timeout": {
            "type": "integer",
            "min": 1,
            "max": 60_000,
            "default": 3000,
            "about": "Milliseconds that the service has to answer.",
        },
        "keepalive": {"type": "boolean", "default": True, "about": "Keep connections to the service."},
        "keepalive_pool": {
            "type": "integer",
            "min": 1,
            "default": 5,
            "about": "How many connections to it each worker keeps idle.",
        },
        "keepalive_timeout": {
            "type": "integer",
            "min": 1000,
            "default": 60_000,
            "about": "Milliseconds that an unused connection is kept.",
        },
        "max_req_body": {
            "type": "integer",
            "min": 1,
            "default": 1_048_576,
            "about": "Bytes of a body that it is shown; over it the answer is 413.",
        },
        "allow_degradation": {
            "type": "boolean",
            "default": False,
            "about": "Let requests through while the service does not answer.",
        },
        "status_on_error": {
            "type": "integer",
            "min": 400,
            "max": 599,
            "default": 403,
            "about": "The status of answers while it does not.",
        },
        "run_on_preflight": {
            "type": "boolean",
            "default": False,
            "about": "Ask it about the preflights of browsers, too.",
        },
    }

    uri: str
    request_method: Literal["GET", "POST"]
    request_headers: tuple[str, ...]
    extra_headers: Mapping[str, str]
    upstream_headers: tuple[str, ...]
    client_headers: tuple[str, ...]
    ssl_verify: bool
    timeout: int
    keepalive: bool
    keepalive_pool: int
    keepalive_timeout: int
    max_req_body: int
    allow_degradation: bool
    status_on_error: int
    run_on_preflight: bool

    def check(self) -> Iterable[Finding]:
        """Refuse headers that are the gateway's to write, and warn of what weakens the question."""
        yield from _not_ours("request_headers", self.request_headers)
        yield from _not_ours("upstream_headers", self.upstream_headers)
        for name in self.extra_headers:
            if _is_ours(name):
                yield Finding(f"extra_headers.{name}", "is the gateway's to write: leave it out")
        if not self.ssl_verify:
            yield Finding("ssl_verify", "is false: anybody between here and the service can answer for it", "warning")
        if self.allow_degradation:
            message = "is true: whoever keeps the service from answering lets every request through"
            yield Finding("allow_degradation", message, "warning")

    def destination(self) -> str | None:
        """Return the service's URL without its query."""
        return self.uri.partition("?")[0]

    def connects_to(self) -> Iterable[Origin]:
        """Return where the service is."""
        return (origin_of(self.uri, self._connection),)

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        self.logger = services.logger
        self._service = Service(services.client, self.uri, self.timeout / _MILLISECONDS, self._connection)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Ask, and take the answer. Preflights have no credentials that anybody could judge."""
        if goes_on_as_preflight(exchange) and not self.run_on_preflight:
            self._copy(Headers(), exchange)
            return None
        try:
            answer = await self._asked(exchange)
        except UpstreamError as error:
            if self.allow_degradation:
                told = {"plugin": self.name, "cause": str(error), "request_id": exchange.request_id}
                self.logger.warning("let through without being asked about", extra=told)
                self._copy(Headers(), exchange)
                return None
            return self._refusal(exchange, self.status_on_error, f"the service can't be asked: {error}")
        if 200 <= answer.status < 300:
            self._copy(answer.headers, exchange)
            return None
        return self._passed_on(exchange, answer)

    @property
    def _connection(self) -> ConnectionOptions:
        return ConnectionOptions(
            tls=UpstreamTLS(verify=self.ssl_verify),
            keepalive=self.keepalive,
            keepalive_pool=self.keepalive_pool,
            keepalive_seconds=self.keepalive_timeout / _MILLISECONDS,
        )

    async def _asked(self, exchange: Exchange) -> Response:
        original = exchange.original
        headers = Headers()
        for name in self.request_headers:
            for value in original.headers.get_all(name):
                headers.add(name, value)
        for name, value in {**self.extra_headers, **_told(exchange)}.items():
            headers[name] = value
        body = Body()
        if self.request_method == "POST":
            body = await original.body.hold(self.max_req_body)
            kind = original.headers.get("content-type")
            if kind is not None:
                headers["content-type"] = kind
        return await self._service.ask(method=self.request_method, headers=headers, body=body)

    def _copy(self, told: Headers, exchange: Exchange) -> None:
        """Put what the service says into the request; what a client sent in such a place is never left."""
        headers = exchange.request.headers
        own_headers.remove(headers, self.upstream_headers)
        for name in self.upstream_headers:
            for value in told.get_all(name):
                headers.add(name, value)

    def _passed_on(self, exchange: Exchange, answer: Response) -> Response:
        status = answer.status if 300 <= answer.status <= 599 else self.status_on_error
        response = self._refusal(exchange, status, f"the service answered {answer.status}")
        if isinstance(answer.body, bytes):
            response.body = answer.body
            response.headers.remove("content-type")
        for name in ("content-type", "www-authenticate", *self.client_headers):
            values = answer.headers.get_all(name)
            if values and not _is_ours(name):
                response.headers.remove(name)
                for value in values:
                    response.headers.add(name, value)
        return response

    def _refusal(self, exchange: Exchange, status: int, reason: str) -> Response:
        message = "The request is not allowed"
        response = refused(exchange, self.logger, plugin=self.name, reason=reason, message=message, status=status)
        if status == 401:
            response.headers["www-authenticate"] = _CHALLENGE
        return response


def _told(exchange: Exchange) -> dict[str, str]:
    """Return what the service is told of a request."""
    original = exchange.original
    # Without what auth plugins took out of it.
    query = exchange.request.query.raw
    return {
        "x-forwarded-proto": original.scheme,
        "x-forwarded-method": original.method,
        "x-forwarded-host": original.headers.get("host") or original.host,
        "x-forwarded-uri": original.path + (f"?{query}" if query else ""),
        "x-forwarded-for": original.client,
        "x-request-id": exchange.request_id,
    }


def _not_ours(key: str, names: Iterable[str]) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if _is_ours(name):
            yield Finding(f"{key}[{index}]", f"is {name}, the gateway's to write: leave it out")


def _is_ours(name: str) -> bool:
    """Tell whether a header is the gateway's to write, in a spelling too that upstreams may read as it."""
    return name.lower().replace("_", "-") in _OURS
