"""`consumer-restriction`: which of the callers that are known may go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from phasegate import Exchange, Finding, Plugin, Response, Services, goes_on_as_preflight, hookimpl

from .refusal import refused

_NAMES = {"type": "list", "minlength": 1, "schema": {"type": "string", "empty": False}}
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE")

Kind = Literal["consumer_name", "consumer_group_id", "service_id", "route_id"]


def _consumer_name(exchange: Exchange) -> str | None:
    return exchange.consumer.username if exchange.consumer else None


def _consumer_group_id(exchange: Exchange) -> str | None:
    return exchange.consumer.group_id if exchange.consumer else None


def _service_id(exchange: Exchange) -> str | None:
    return exchange.route.service_id if exchange.route else None


def _route_id(exchange: Exchange) -> str | None:
    return exchange.route.id if exchange.route else None


_NAMED_BY: Mapping[Kind, Callable[[Exchange], str | None]] = {
    "consumer_name": _consumer_name,
    "consumer_group_id": _consumer_group_id,
    "service_id": _service_id,
    "route_id": _route_id,
}

# What nobody can say of a caller that is not known.
_OF_CALLERS: frozenset[Kind] = frozenset({"consumer_name", "consumer_group_id"})


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """One whom only some methods are allowed to."""

    user: str
    methods: tuple[str, ...]


@dataclass(kw_only=True)
class ConsumerRestriction(Plugin):
    """Lets those of a whitelist through and those of a blacklist not, by consumer, group, service or route.

    A blacklist counts before everything else; who stands in `allowed_by_methods` is let through with those methods alone.
    """

    name: ClassVar[str] = "consumer-restriction"
    priority: ClassVar[int] = 2400
    schema: ClassVar = {
        "type": {
            "type": "string",
            "allowed": list(_NAMED_BY),
            "default": "consumer_name",
            "about": "What the lists hold names of.",
        },
        "whitelist": {**_NAMES, "about": "Those who may; nobody else may."},
        "blacklist": {**_NAMES, "about": "Those who may not, whatever else says so."},
        "allowed_by_methods": {
            "type": "list",
            "minlength": 1,
            "about": "Those who may with some methods alone; without a `whitelist` nobody else may.",
            "schema": {
                "type": "dict",
                "schema": {
                    "user": {
                        "type": "string",
                        "required": True,
                        "empty": False,
                        "about": "Who may: a name of the kind that the lists hold.",
                    },
                    "methods": {
                        "type": "list",
                        "minlength": 1,
                        "required": True,
                        "schema": {"type": "string", "allowed": list(_METHODS)},
                        "about": "The methods that are allowed.",
                    },
                },
            },
        },
        "rejected_code": {
            "type": "integer",
            "min": 200,
            "max": 599,
            "default": 403,
            "about": "The status of a refusal.",
        },
        "rejected_msg": {"type": "string", "empty": False, "about": "The sentence of a refusal."},
    }

    type: Kind
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    allowed_by_methods: tuple[Allowed, ...] = ()
    rejected_code: int
    rejected_msg: str | None = None

    def check(self) -> Iterable[Finding]:
        """Refuse a restriction that restricts nothing."""
        if not (self.whitelist or self.blacklist or self.allowed_by_methods):
            yield Finding("whitelist", "is required (or blacklist, or allowed_by_methods)")

    async def open(self, services: Services) -> None:
        """Decide whatever does not depend on requests."""
        self.logger = services.logger
        self._named = _NAMED_BY[self.type]
        self._methods: dict[str, set[str]] = {}
        for entry in self.allowed_by_methods:
            self._methods.setdefault(entry.user, set()).update(entry.methods)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through, or refuse it: 401 where nobody knows whom it is from, else the configured status."""
        if exchange.consumer is None and self.type in _OF_CALLERS:
            # Nobody asks who sends a preflight, unless a plugin does, and then it is known.
            return None if goes_on_as_preflight(exchange) else _unknown(self.type)
        name = self._named(exchange)
        if name in self.blacklist or not self._may(name, exchange.request.method):
            return self._refused(exchange, name)
        return None

    def _may(self, name: str | None, method: str) -> bool:
        if name in self._methods:
            return method in self._methods[name]
        return name in self.whitelist if self.whitelist else not self._methods

    def _refused(self, exchange: Exchange, name: str | None) -> Response:
        return refused(
            exchange,
            self.logger,
            plugin=self.name,
            reason=f"the {self.type} is {name!r}",
            message=self.rejected_msg or f"The {self.type} is forbidden.",
            status=self.rejected_code,
        )


def _unknown(kind: str) -> Response:
    body: dict[str, Any] = {"message": f"The request is rejected, please check the {kind} for this request"}
    response = Response.json(body, 401)
    response.headers["www-authenticate"] = f'consumer-restriction realm="{kind}"'
    return response
