"""h2load, the load generator for HTTP/2: its command line, what it prints, and its log of every request."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import UnreadableLoad
from .load import Load
from .scenario import Scenario
from .units import count

_RATE = re.compile(r"^finished in [^,]+, (\S+) req/s", re.MULTILINE)
_REQUESTS = re.compile(
    r"^requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
    re.MULTILINE,
)
_STATUSES = re.compile(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", re.MULTILINE)


def command(program: str, scenario: Scenario, url: str, *, seconds: int, body: str | None, log: str) -> list[str]:
    """Return the arguments that load a URL for a time.

    `body` names the file that is posted, `log` the file that each request's time is appended to.
    """
    options = ["--threads", "1", "--clients", str(scenario.connections)]
    options += ["--max-concurrent-streams", str(scenario.streams), "--duration", str(seconds), "--log-file", log]
    options += ["--rps", str(scenario.rate)] if scenario.rate else []
    posted = [] if body is None else ["--data", body, "--header", "content-type: application/json"]
    return [program, *options, *posted, url]


def parse(text: str, log: Iterable[str]) -> Load:
    """Return what h2load measured, with percentiles out of its log: lines of start, status and microseconds.

    Raise UnreadableLoad when a figure is missing.
    """
    succeeded, *failed = (int(number) for number in _figures(_REQUESTS, text))
    accepted, *others = (int(number) for number in _figures(_STATUSES, text))
    wrong = [("failed", "errored", "timed out"), ("answered with 3xx", "answered with 4xx", "answered with 5xx")]
    problems = [
        f"{number} requests {what}"
        for names, numbers in zip(wrong, (failed, others), strict=True)
        for what, number in zip(names, numbers, strict=True)
        if number
    ]
    times = sorted(int(line.split("\t")[2]) for line in log if line.strip())
    return Load(
        requests=min(succeeded, accepted),
        per_second=count(_figures(_RATE, text)[0]),
        p50_ms=_percentile(times, 50) / 1000,
        p99_ms=_percentile(times, 99) / 1000,
        failed=failed[0],
        problems=tuple(problems),
    )


def _figures(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.search(text)
    if match is None:
        raise UnreadableLoad(f"h2load printed nothing like {pattern.pattern!r}:\n{text}")
    return match.groups()


def _percentile(ordered: list[int], percent: int) -> float:
    """Return the smallest value that at least this share of the values does not exceed; NaN out of none."""
    if not ordered:
        return float("nan")
    return float(ordered[max(0, -(-len(ordered) * percent // 100) - 1)])
