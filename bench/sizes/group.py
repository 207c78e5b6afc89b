"""The groups that compare the gateway with itself, where there is more of something."""

from __future__ import annotations

from ..comparison import Comparison
from ..scenario import Mode, Scenario
from .crowds import CONSUMERS, PLUGINS, ROUTES, start_consumers, start_plugins, start_routes
from .workers import COUNTS, KINDS, start_workers

_NEEDS = frozenset({"nginx", "wrk", "httpx", "botocore", "trustme"})
_FORWARD: tuple[Mode, ...] = ("forward",)


def _named(kind: str, counts: tuple[int, ...]) -> frozenset[str]:
    return frozenset(f"{kind}-{count}" for count in counts)


ROUTES_GROUP = Comparison(
    name="routes",
    summary="a gateway with 10, 1,000 and 100,000 routes, each of which is asked for in turn",
    needs=_NEEDS,
    scenarios=(Scenario(name="routes-h1", protocol="h1", modes=_FORWARD, peers=_named("routes", ROUTES)),),
    baselines=("routes-10",),
    start=start_routes,
)

PLUGINS_GROUP = Comparison(
    name="plugins",
    summary="a route with 0, 5 and 20 plugins that look at request and answer and let them pass",
    needs=_NEEDS,
    scenarios=(Scenario(name="plugins-h1", protocol="h1", modes=_FORWARD, peers=_named("plugins", PLUGINS)),),
    baselines=("plugins-0",),
    start=start_plugins,
)

CONSUMERS_GROUP = Comparison(
    name="consumers",
    summary="key-auth with one consumer and with 100,000, each of whom comes in turn",
    needs=_NEEDS,
    scenarios=(Scenario(name="consumers-h1", protocol="h1", modes=_FORWARD, peers=_named("consumers", CONSUMERS)),),
    baselines=("consumers-1",),
    start=start_consumers,
)

WORKERS_GROUP = Comparison(
    name="workers",
    summary="nginx, nginx with Lua and the gateway with one worker and with two, on all cores",
    needs=_NEEDS,
    scenarios=(
        Scenario(
            name="workers-h1",
            protocol="h1",
            modes=("forward", "api-key"),
            peers=frozenset().union(*(_named(kind, COUNTS) for kind in KINDS)),
        ),
    ),
    baselines=("nginx-2", "lua-2", "phasegate-1"),
    start=start_workers,
)
