"""Requests, exchanges and plugin instances out of nothing, for tests without sockets."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from ..errors import ConfigError
from ..exchange import Exchange
from ..http.address import parse_authority
from ..http.body import Body
from ..http.headers import Headers
from ..http.message import Request
from ..http.path import parse_target
from ..http.query import Query
from ..model import Consumer, Credential, Route
from ..plugin import Clock, ConsumerDirectory, Plugin, Services, SystemClock
from ..registry import Registry
from ..schema.plugins import PluginSchemas
from ..snapshot.consumers import ConsumerIndex
from ..upstream.client import UpstreamClient

P = TypeVar("P", bound=Plugin)


class FixedClock:
    """A clock that stands still until `advance` is called. Times are in seconds."""

    def __init__(self, time: float = 1_700_000_000.0) -> None:
        self._time = time
        self._monotonic = 0.0

    def time(self) -> float:
        """Seconds since 1970-01-01 00:00 UTC."""
        return self._time

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._time += seconds
        self._monotonic += seconds


def make_request(
    method: str = "GET",
    target: str = "/",
    *,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    http_version: str = "1.1",
    peer: str = "192.0.2.1",
) -> Request:
    """Return a request as a listener would build it; `host` comes from the headers, or is `gateway.test`."""
    fields = Headers(headers)
    if "host" not in fields:
        fields["host"] = "gateway.test"
    host, port = parse_authority(fields.get("host") or "")
    path, query, _ = parse_target(target.encode("ascii"))
    return Request(
        method,
        path,
        query=Query(query),
        headers=fields,
        body=Body(body),
        host=host,
        port=port,
        http_version=http_version,
        peer=peer,
        raw_target=target,
    )


def make_exchange(request: Request | None = None, *, route: Route | None = None, prefix: str | None = None) -> Exchange:
    """Return an exchange at its beginning. `prefix` is the part of the path before the `*` of a prefix route."""
    exchange = Exchange(request or make_request(), "test-request-id", 0.0)
    exchange.route, exchange.prefix = route, prefix
    return exchange


def make_plugin(cls: type[P], config: Mapping[str, Any] | None = None) -> P:
    """Return a plugin with a configuration, judged by its schema and its own `check`. Raise ConfigError as loading would."""
    schemas = PluginSchemas(Registry([cls]))
    value, findings = schemas.validate(cls.name, dict(config or {}), cls.name)
    if findings:
        raise ConfigError(findings)
    plugin = schemas.instance(cls.name, value)
    errors = [finding.under(cls.name) for finding in plugin.check() if finding.level == "error"]
    if errors:
        raise ConfigError(errors)
    return plugin  # type: ignore[return-value]


def make_consumer(username: str, plugin: type[Plugin], credential: Mapping[str, Any]) -> Consumer:
    """Return a consumer with one credential, as an auth plugin judges it. Raise ConfigError as loading would."""
    schemas = PluginSchemas(Registry([plugin]))
    value, findings = schemas.validate_credential(plugin.name, dict(credential), plugin.name)
    findings = [*findings, *(() if findings else schemas.check_credential(plugin.name, value))]
    if findings:
        raise ConfigError(findings)
    return Consumer(username, (Credential(f"{username}/{plugin.name}", plugin.name, value),))


def make_services(
    *,
    client: UpstreamClient | None = None,
    consumers: Mapping[str, tuple[type[Plugin], Mapping[str, Any]]] | None = None,
    directory: ConsumerDirectory | None = None,
    clock: Clock | None = None,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
) -> Services:
    """Return what a plugin is opened with.

    `consumers` gives each username a plugin class and its credential there, `metadata` each plugin's name its metadata. A
    `directory` of consumers takes the place of these.
    """
    given = consumers or {}
    people = [
        Consumer(name, (Credential(f"{name}/{cls.name}", cls.name, dict(config)),))
        for name, (cls, config) in given.items()
    ]
    keys = {cls.name: cls.consumer_key for cls, _ in given.values() if cls.consumer_key}
    return Services(
        client or UpstreamClient(),
        directory or ConsumerIndex(people, keys),
        logging.getLogger("phasegate.plugins.test"),
        clock or SystemClock(),
        (metadata or {}).get,
    )


async def run_phase(plugin: Plugin, phase: str, exchange: Exchange, *arguments: Any) -> Any:
    """Run one phase of an opened plugin and return what it returns."""
    return await getattr(plugin, phase)(exchange, *arguments)
