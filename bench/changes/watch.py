"""Watches all workers of a node while it is told a change: each is asked for one path, again and again."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SliceFailed
from .eyes import NOWHERE
from .line import Line, request

PAUSE_SECONDS = 0.001
"""How long after an answer a worker is asked again."""
# What a change leaves to tidy up may hold up others too.
_AFTER_SECONDS = 0.05
_LIMIT_SECONDS = 60.0
_BEFORE, _SINCE = 404, 401
_WRITTEN = (200, 201)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one change, in milliseconds since its request was sent.

    `acknowledged_ms` is when it was answered, `served_ms` when the last worker answered by it; `longest_ms` is the longest
    that a worker took for any answer meanwhile, and `waited_ms` how long one was ready to run and had no core.
    """

    acknowledged_ms: float
    served_ms: float
    longest_ms: float
    waited_ms: float

    @property
    def behind_ms(self) -> float:
        """How much later than the acknowledgement it was served by all; 0 where it was earlier."""
        return max(0.0, self.served_ms - self.acknowledged_ms)


@dataclass(frozen=True, slots=True)
class _Answer:
    line: Line
    status: int
    body: bytes
    seconds: float
    at: float


def seen(workers: Mapping[int, Line], admin: Line, write: bytes, path: str) -> Sight:
    """Send a write that makes a route of a path where there was none, and look when all workers have it.

    The route asks for a key. Raise SliceFailed for an answer that is neither the old nor the new one.
    """
    waits = {worker: _wait_ms(worker) for worker in workers}
    served: dict[Line, float] = {}
    acknowledged, longest, began = 0.0, 0.0, time.perf_counter()
    admin.send(write)
    with contextlib.closing(_answers(workers, request("GET", path), began, admin)) as answers:
        for answer in answers:
            if answer.line is admin:
                _require(answer, *_WRITTEN)
                acknowledged = answer.at
            else:
                _require(answer, _SINCE if answer.line in served else _BEFORE, _SINCE)
                longest = max(longest, answer.seconds)
                if answer.status == _SINCE:
                    served.setdefault(answer.line, answer.at)
            if _is_over(acknowledged, served, len(workers), answer.at):
                break
    return Sight(
        (acknowledged - began) * 1e3,
        (max(served.values()) - began) * 1e3,
        longest * 1e3,
        max(_wait_ms(worker) - before for worker, before in waits.items()),
    )


def longest_in_peace_ms(workers: Mapping[int, Line], seconds: float) -> float:
    """Return the longest that a worker takes for an answer while nothing is changed, in milliseconds."""
    began, longest = time.perf_counter(), 0.0
    with contextlib.closing(_answers(workers, request("GET", NOWHERE), began)) as answers:
        for answer in answers:
            _require(answer, _BEFORE)
            longest = max(longest, answer.seconds)
            if answer.at > began + seconds:
                break
    return longest * 1e3


def _answers(
    workers: Mapping[int, Line], asked: bytes, began: float, admin: Line | None = None
) -> Generator[_Answer, None, None]:
    """Yield the answers of workers that are asked over and over, and that of what was sent on another line already."""
    due, sent = dict.fromkeys(workers.values(), began), {} if admin is None else {admin: began}
    with selectors.DefaultSelector() as selector:
        for line in (*due, *sent):
            selector.register(line, selectors.EVENT_READ, line)
        try:
            while (now := time.perf_counter()) < began + _LIMIT_SECONDS:
                for line in [line for line, when in due.items() if when <= now]:
                    del due[line]
                    sent[line] = time.perf_counter()
                    line.send(asked)
                for key, _ in selector.select(max(0.0, min(due.values()) - now) if due else _LIMIT_SECONDS):
                    line = key.data
                    if (found := line.read()) is not None:
                        at = time.perf_counter()
                        yield _Answer(line, found[0], found[1], at - sent.pop(line), at)
                        if line is not admin:
                            due[line] = time.perf_counter() + PAUSE_SECONDS
        finally:
            for line in sent:
                while line.read() is None:
                    pass
    raise SliceFailed(f"a change was not served within {_LIMIT_SECONDS:.0f} s")


def _is_over(acknowledged: float, served: Mapping[Line, float], workers: int, now: float) -> bool:
    return bool(acknowledged) and len(served) == workers and now > max(acknowledged, *served.values()) + _AFTER_SECONDS


def _require(answer: _Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        raise SliceFailed(f"a request was answered {answer.status}: {answer.body[:200]!r}")


def _wait_ms(pid: int) -> float:
    """Return how long a process was ready to run and had no core (proc_pid_schedstat(5))."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6
