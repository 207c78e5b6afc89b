"""Gateways with few and with many of something: routes, plugins on a route, consumers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..peers import Cast, Peer, Setup, Site, direct, phasegate
from ..peers.phasegate import Contents
from . import passing

ROUTES = (10, 1_000, 100_000)
PLUGINS = (0, 5, 20)
CONSUMERS = (0, 1, 100_000)
_READY_SECONDS = 180.0
# Goes through all of a power of ten, far from one to the next.
_STRIDE = 61_803
_NEXT = "local number = 0\nlocal function following() number = (number + {stride}) % {count}; return number end\n"
_PATHS = _NEXT + "request = function() return wrk.format(nil, '/r/' .. following() .. '/x') end\n"
# No request has the fields of the one before, whose keys there are few of: what that costs is not the key's.
_FIELDS = "{{apikey = 'the-key-of-' .. n % {consumers}, number = n}}"
_KEYS = f"{_NEXT}request = function() local n = following(); return wrk.format(nil, nil, {_FIELDS}) end\n"


def start_routes(site: Site) -> Cast:
    """Start gateways with so many routes, all of which are asked for in turn."""
    upstream, setup = _upstream(site)
    peers = [
        _gateway(
            site,
            setup,
            f"routes-{count}",
            Contents(resources={"upstreams": [_shared(setup)], "routes": [_route(number) for number in range(count)]}),
            paths="/r/0/x",
            script=_PATHS.format(stride=_STRIDE, count=count),
        )
        for count in ROUTES
    ]
    return Cast((upstream, *peers), upstream)


def start_plugins(site: Site) -> Cast:
    """Start gateways whose route has so many plugins."""
    upstream, setup = _upstream(site)
    passing.offer(site.folder, max(PLUGINS))
    peers = []
    for count in PLUGINS:
        names = [passing.name(number) for number in range(count)]
        route = {"id": "passing", "uri": "/passing", "upstream_id": "shared", "plugins": {name: {} for name in names}}
        contents = Contents(plugins=names, resources={"upstreams": [_shared(setup)], "routes": [route]})
        peers.append(_gateway(site, setup, f"plugins-{count}", contents, paths="/passing"))
    return Cast((upstream, *peers), upstream)


def start_consumers(site: Site) -> Cast:
    """Start gateways with so many consumers, all of whose keys are used in turn; without any, nobody asks for a key."""
    upstream, setup = _upstream(site)
    peers = []
    for count in CONSUMERS:
        plugins: dict[str, Any] = {"key-auth": {}} if count else {}
        resources: Mapping[str, Sequence[dict[str, Any]]] = {
            "upstreams": [_shared(setup)],
            "routes": [{"id": "keyed", "uri": "/keyed", "upstream_id": "shared", "plugins": plugins}],
            "consumers": [_consumer(number) for number in range(count)],
        }
        script = _KEYS.format(stride=_STRIDE, count=max(CONSUMERS), consumers=max(count, 1))
        contents = Contents(plugins=["key-auth"], resources=resources)
        started = _gateway(site, setup, f"consumers-{count}", contents, paths="/keyed", script=script)
        peers.append(dataclasses.replace(started, headers={"apikey": "the-key-of-0"}))
    return Cast((upstream, *peers), upstream)


def _upstream(site: Site) -> tuple[Peer, Setup]:
    upstream = direct.start(site)
    return upstream, Setup(upstream=f"http://127.0.0.1:{upstream.ports['h1']}")


def _gateway(site: Site, setup: Setup, name: str, contents: Contents, *, paths: str, script: str | None = None) -> Peer:
    own = dataclasses.replace(setup, suffix=f"-{name}")
    started = phasegate.start(site, own, contents=contents)
    return dataclasses.replace(
        started, name=name, paths={"forward": paths}, script=script, ready_seconds=_READY_SECONDS
    )


def _shared(setup: Setup) -> dict[str, Any]:
    return {"id": "shared", **phasegate.upstream(setup)}


def _route(number: int) -> dict[str, Any]:
    return {"id": f"r-{number}", "uri": f"/r/{number}/*", "upstream_id": "shared"}


def _consumer(number: int) -> dict[str, Any]:
    return {"username": f"c-{number}", "plugins": {"key-auth": {"key": f"the-key-of-{number}"}}}
