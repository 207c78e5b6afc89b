"""The group that compares the gateway with nginx and with a naive Python proxy, all in front of one upstream."""

from __future__ import annotations

from .comparison import Comparison
from .peers import start_proxies
from .scenario import Scenario

# A further scenario is one more entry.
_SCENARIOS = (
    Scenario(name="h1-get", protocol="h1"),
    Scenario(name="h1-post", protocol="h1", modes=("api-key", "forward"), body_bytes=1024),
    Scenario(name="h2c-get", protocol="h2c"),
)

PROXY = Comparison(
    name="proxy",
    summary="the gateway, nginx and a naive Python proxy in front of one upstream",
    needs=frozenset({"nginx", "wrk", "h2load"}),
    scenarios=_SCENARIOS,
    baselines=("nginx", "naive"),
    start=start_proxies,
)
