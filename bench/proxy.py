"""The groups that compare the gateway with other proxies, all in front of one upstream."""

from __future__ import annotations

import functools

from .chart import Chart, Panel
from .comparison import Comparison
from .goal import Budget
from .peers import start_proxies
from .scenario import Mode, Scenario

_NEEDS = frozenset({"nginx", "wrk", "h2load", "httpx", "botocore", "trustme"})
_BASELINES = ("nginx", "lua", "naive")
_AUTHORISED: tuple[Mode, ...] = ("api-key", "sigv4")
# The others' price hardly depends on the size of bodies and the number of connections, or it is no surprise.
_FEW = ("nginx", "lua", "phasegate")
_FEW_MODES: tuple[Mode, ...] = ("forward", "api-key", "sigv4")

PROXY = Comparison(
    name="proxy",
    summary="the gateway, nginx, nginx with Lua and proxies in Python, in front of one upstream",
    needs=_NEEDS,
    scenarios=(
        # A further scenario is one more entry.
        Scenario(name="h1-get", protocol="h1"),
        Scenario(name="h2c-get", protocol="h2c"),
    ),
    baselines=_BASELINES,
    start=start_proxies,
    budget=(
        Budget(scenario="h1-get", mode="api-key", against="lua", must=1.0, aim=0.75),
        Budget(scenario="h1-get", mode="sigv4", against="lua", must=0.8, aim=0.6),
        Budget(scenario="h2c-get", mode="api-key", against="lua", must=1.5, aim=1.1),
        Budget(scenario="h2c-get", mode="sigv4", against="lua", must=1.5, aim=1.1),
        Budget(scenario="h1-get", mode="api-key", against="nginx", must=3.5, aim=2.3),
        Budget(scenario="h1-get", mode="sigv4", against="nginx", must=None, aim=3.0),
        Budget(scenario="h1-get", mode="api-key", against="naive", must=1 / 7, aim=1 / 10),
        Budget(scenario="h1-get", mode="sigv4", against="naive", must=1 / 7, aim=1 / 10),
        Budget(scenario="h1-get", mode="api-key", against="fastapi", must=1 / 40, aim=1 / 60),
    ),
    chart=Chart(
        file="performance.svg",
        title="What a call of a function costs the gateway",
        panels=(
            Panel(heading="HTTP/1.1, API key", scenario="h1-get", modes=("api-key", "forward")),
            Panel(heading="HTTP/1.1, signed", scenario="h1-get", modes=("sigv4", "forward")),
            Panel(heading="HTTP/2, API key", scenario="h2c-get", modes=("api-key", "forward")),
            Panel(heading="HTTP/2, signed", scenario="h2c-get", modes=("sigv4", "forward")),
        ),
        names={
            "nginx": "nginx proxy_pass",
            "lua": "nginx + Lua",
            "phasegate": "Phasegate",
            "naive": "Hypercorn + aiohttp",
            "fastapi": "FastAPI + httpx",
        },
        baseline="lua",
    ),
)

BODIES = Comparison(
    name="bodies",
    summary="the gateway, nginx, nginx with Lua and a naive proxy: POSTs of 1 and 64 KiB",
    needs=_NEEDS,
    scenarios=tuple(
        Scenario(
            name=f"{protocol}-post-{kib}k",
            protocol=protocol,
            modes=("forward", *_AUTHORISED),
            peers=frozenset({*_FEW, "naive"}),
            body_bytes=kib << 10,
        )
        for protocol in ("h1", "h2c")
        for kib in (1, 64)
    ),
    baselines=_BASELINES,
    start=functools.partial(start_proxies, names=(*_FEW, "naive")),
)

CLIENTS = Comparison(
    name="clients",
    summary="the gateway, nginx and nginx with Lua: one connection, and 512",
    needs=_NEEDS,
    scenarios=tuple(
        Scenario(
            name=f"{protocol}-get-{connections}",
            protocol=protocol,
            modes=_FEW_MODES,
            peers=frozenset(_FEW),
            connections=connections,
        )
        for protocol in ("h1", "h2c")
        for connections in (1, 512)
    ),
    baselines=("nginx", "lua"),
    start=functools.partial(start_proxies, names=_FEW),
)

TLS_IN = Comparison(
    name="tls-in",
    summary="the same where clients speak TLS, on kept connections",
    needs=_NEEDS,
    scenarios=(
        Scenario(name="tls-in-h1", protocol="h1s", modes=("forward", "api-key"), peers=frozenset({*_FEW, "naive"})),
        Scenario(name="tls-in-h2", protocol="h2s", modes=("forward", "api-key"), peers=frozenset({*_FEW, "naive"})),
    ),
    baselines=_BASELINES,
    start=functools.partial(start_proxies, names=(*_FEW, "naive"), tls_in=True),
)

TLS_OUT = Comparison(
    name="tls-out",
    summary="the same where the upstream speaks TLS, on kept connections, its certificate verified",
    needs=_NEEDS,
    scenarios=(Scenario(name="tls-out-h1", protocol="h1", modes=_FEW_MODES, peers=frozenset({*_FEW, "naive"})),),
    baselines=_BASELINES,
    start=functools.partial(start_proxies, names=(*_FEW, "naive"), tls_out=True),
)
