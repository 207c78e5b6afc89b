"""What the configuration speaks of: routes, services, upstreams, consumers, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["admin", "file"]


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin's entry on a resource: its validated configuration, and what `_meta` says of it.

    `owner` names the resource that holds the entry (`routes/hello`), and `path` where it stands in its document. `within` is
    the plugin whose configuration it stands in, None for one that stands in the resource itself. `filter` has the conditions
    of the requests that the plugin runs for, empty for all; `error_response` what stands in place of its refusals' bodies.
    """

    name: str
    owner: str
    path: str
    config: Mapping[str, object] = field(repr=False)
    disabled: bool = False
    priority: int | None = None
    within: str | None = None
    filter: tuple[object, ...] = ()
    error_response: str | Mapping[str, object] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a forwarded request may take, in seconds: to connect, between two sends, between two reads."""

    connect: float = 60.0
    send: float = 60.0
    read: float = 60.0


@dataclass(frozen=True, slots=True)
class Node:
    """One address of an upstream. `port` is None where the scheme's default holds; weight 0 gets no requests."""

    host: str
    port: int | None
    weight: int


@dataclass(frozen=True, slots=True)
class Keepalive:
    """How many connections to a node are kept idle, for how many seconds, and how many requests each may carry."""

    size: int = 320
    idle_timeout: float = 60.0
    requests: int = 1000


@dataclass(frozen=True, slots=True)
class UpstreamTLS:
    """Whom to trust and what to show in TLS: PEM texts, None for the system's authorities and for no certificate.

    `certificate` holds the client's chain and its unencrypted key.
    """

    verify: bool = True
    authorities: str | None = None
    certificate: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where `forward` sends requests. `pass_host` chooses the Host: the client's, the node's, or `upstream_host`.

    `retries` is how many further nodes are tried where none can be connected to, None for each other node once;
    `retry_timeout` the seconds after which no other is tried, 0 for no such limit.
    """

    id: str
    nodes: tuple[Node, ...]
    scheme: Literal["http", "https"] = "http"
    pass_host: Literal["pass", "node", "rewrite"] = "pass"  # noqa: S105
    upstream_host: str | None = None
    timeouts: Timeouts = Timeouts()
    retries: int | None = None
    retry_timeout: float = 0.0
    keepalive: Keepalive = Keepalive()
    tls: UpstreamTLS = UpstreamTLS()


@dataclass(frozen=True, slots=True)
class Service:
    """What several routes share: hosts, plugins, an upstream."""

    id: str
    hosts: tuple[str, ...]
    plugins: tuple[PluginEntry, ...]
    upstream: Upstream | None
    enable_websocket: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential of a consumer, as an auth plugin knows it; `config` holds its secrets.

    `identifier` names one that is a resource of its own; None for one that stands in the consumer.
    """

    id: str
    plugin: str
    config: Mapping[str, object] = field(repr=False)
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who calls: a name, its credentials, and plugins that hold for its requests, those of its group among them."""

    username: str
    credentials: tuple[Credential, ...] = ()
    plugins: tuple[PluginEntry, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One route as the router and the pipeline use it: references are resolved, plugins merged by precedence.

    `order` is its place among the routes of its source, a higher one being newer; `path` leads to it in its document.
    """

    id: str
    uris: tuple[str, ...]
    path: str = ""
    hosts: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset()
    remote_addrs: tuple[str, ...] = ()
    vars: tuple[object, ...] = ()
    priority: int = 0
    plugins: tuple[PluginEntry, ...] = ()
    upstream: Upstream | None = None
    timeouts: Timeouts | None = None
    service_id: str | None = None
    enable_websocket: bool = False
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Source = "file"
    order: int = 0
