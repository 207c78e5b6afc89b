"""wrk, the load generator for HTTP/1.1: its command line, and what it prints."""

from __future__ import annotations

import re

from .errors import UnreadableLoad
from .load import Load
from .scenario import Scenario
from .units import count, milliseconds

_TIMEOUT_SECONDS = 10
_REQUESTS = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
_RATE = re.compile(r"^Requests/sec:\s*(\S+)", re.MULTILINE)
_PERCENTILE = r"^\s*{}(?:\.0+)?%\s+(\S+)"
_PROBLEMS = re.compile(r"^\s*(Socket errors: .*|Non-2xx or 3xx responses: .*)$", re.MULTILINE)


def command(program: str, scenario: Scenario, url: str, *, seconds: int, script: str | None) -> list[str]:
    """Return the arguments that load a URL for a time; a POST is described by a script."""
    options = ["--threads", "1", "--connections", str(scenario.connections), "--duration", f"{seconds}s"]
    scripted = [] if script is None else ["--script", script]
    return [program, *options, "--timeout", f"{_TIMEOUT_SECONDS}s", "--latency", *scripted, url]


def post_script(body: str) -> str:
    """Return the Lua script that makes every request a POST of this JSON text."""
    return f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[{body}]]\n"


def parse(text: str) -> Load:
    """Return what wrk measured. Raise UnreadableLoad when a figure is missing."""
    problems = tuple(problem.strip() for problem in _PROBLEMS.findall(text))
    return Load(
        requests=int(_figure(_REQUESTS, text)),
        per_second=count(_figure(_RATE, text)),
        p50_ms=milliseconds(_figure(re.compile(_PERCENTILE.format(50), re.MULTILINE), text)),
        p99_ms=milliseconds(_figure(re.compile(_PERCENTILE.format(99), re.MULTILINE), text)),
        failed=sum(int(number) for problem in problems for number in re.findall(r"\d+", problem.partition(":")[2])),
        problems=problems,
    )


def _figure(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise UnreadableLoad(f"wrk printed nothing like {pattern.pattern!r}:\n{text}")
    return match[1]
