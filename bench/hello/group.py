"""The group that compares our listener with stock Hypercorn and uvicorn, nothing but hello behind each."""

from __future__ import annotations

from ..comparison import Comparison
from ..goal import Goal
from ..scenario import Scenario
from .peers import start_hello

_SCENARIOS = (
    Scenario(name="hello-h1", protocol="h1", modes=("hello",)),
    Scenario(name="hello-h2c", protocol="h2c", modes=("hello",)),
    Scenario(name="hello-h2c-10x10", protocol="h2c", modes=("hello",), connections=10, streams=10),
)

HELLO = Comparison(
    name="hello",
    summary="our listener, stock Hypercorn and uvicorn with nothing but `hello` behind them",
    needs=frozenset({"wrk", "h2load", "uvicorn"}),
    scenarios=_SCENARIOS,
    baselines=("hypercorn", "uvicorn"),
    start=start_hello,
    goals={
        ("hello-h1", "phasegate"): Goal(30),
        ("hello-h1", "hypercorn"): Goal(230, least=190),
        ("hello-h2c", "phasegate"): Goal(90),
        ("hello-h2c", "hypercorn"): Goal(230, least=190),
        ("hello-h2c-10x10", "phasegate"): Goal(90),
    },
)
