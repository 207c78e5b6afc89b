"""The groups that compare the gateway with itself, where there is more of something."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..comparison import Comparison
from ..goal import Goal
from ..peers import Cast, Site
from ..scenario import Mode, Scenario
from .crowds import CONSUMERS, PLUGINS, ROUTES, start_consumers, start_plugins, start_routes
from .workers import COUNTS, KINDS, start_workers

_NEEDS = frozenset({"nginx", "wrk", "httpx", "botocore", "trustme"})
_FORWARD: tuple[Mode, ...] = ("forward",)


def _named(kind: str, counts: tuple[int, ...]) -> frozenset[str]:
    return frozenset(f"{kind}-{count}" for count in counts)


def _itself(
    kind: str, counts: tuple[int, ...], summary: str, start: Callable[[Site], Cast], beyond: Mapping[str, Goal]
) -> Comparison:
    """Return the gateway compared with itself where it has the fewest."""
    return Comparison(
        name=kind,
        summary=summary,
        needs=_NEEDS,
        scenarios=(Scenario(name=f"{kind}-h1", protocol="h1", modes=_FORWARD, peers=_named(kind, counts)),),
        baselines=(f"{kind}-{counts[0]}",),
        start=start,
        beyond=beyond,
    )


ROUTES_GROUP = _itself(
    "routes",
    ROUTES,
    "a gateway with 10, 1,000 and 100,000 routes, each of which is asked for in turn",
    start_routes,
    {},
)

PLUGINS_GROUP = _itself(
    "plugins",
    PLUGINS,
    "a route with 0, 5 and 20 plugins that let request and answer pass",
    start_plugins,
    {"plugins-20": Goal(10)},
)

CONSUMERS_GROUP = _itself(
    "consumers",
    CONSUMERS,
    "no key-auth, and key-auth with one consumer and with 100,000, each of whom comes in turn",
    start_consumers,
    {"consumers-100000": Goal(5)},
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
