"""Making a call once more: which failures allow it, how often, and how long to wait before."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..errors import FunctionFailed, Repeat, UpstreamError, UpstreamTimeout, UpstreamTLSFailed, UpstreamUnreachable
from ..http.message import Request
from ..plugin import Clock
from .budget import RetryBudget

# Before the first retry; it doubles with each further one.
_FIRST_WAIT_SECONDS = 0.05
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def repeat_of(error: UpstreamError, *, on_timeout: bool) -> Repeat:
    """Return when a call that failed so may be made once more; one that timed out is asked for.

    TLS that fails once fails again. An answer that was none, or broke off, came from a function that ran.
    """
    if isinstance(error, FunctionFailed):
        return error.repeat
    if isinstance(error, UpstreamTLSFailed):
        return "never"
    if not error.sent:
        return "always"
    if isinstance(error, UpstreamUnreachable) or (on_timeout and isinstance(error, UpstreamTimeout)):
        return "if_idempotent"
    return "never"


def is_idempotent(request: Request) -> bool:
    """Tell whether doing what a request asks for twice is the same as once: by its method, or by its `Idempotency-Key`."""
    return request.method in _SAFE_METHODS or bool(request.headers.get("idempotency-key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """What the retries of all of a function's calls have in common.

    Each call has so many, and waits for all of them together no longer than `wait_seconds`.
    """

    most: int
    wait_seconds: float
    on_timeout: bool
    budget: RetryBudget
    clock: Clock

    def begin(self) -> Retrying:
        """Return what counts the retries of one call."""
        return Retrying(self)


class Retrying:
    """The retries of one call; `made` is how many there were."""

    __slots__ = ("_retries", "_wait_seconds", "made")

    def __init__(self, retries: Retries) -> None:
        self.made = 0
        self._retries = retries
        self._wait_seconds = retries.wait_seconds

    def next(self, error: UpstreamError, *, idempotent: bool) -> float | None:
        """Return how many seconds after a failure the call is made once more, None where it is not.

        Where that would be later than it may be, by what the service asks for or by the waits before, it is not: the client
        can wait as well.
        """
        retries = self._retries
        repeat = repeat_of(error, on_timeout=retries.on_timeout)
        if self.made == retries.most or repeat == "never" or (repeat == "if_idempotent" and not idempotent):
            return None
        wait = self._wait(error)
        if wait > self._wait_seconds or not retries.budget.take(retries.clock.monotonic()):
            return None
        self._wait_seconds -= wait
        self.made += 1
        return wait

    def _wait(self, error: UpstreamError) -> float:
        """Return what was asked for, or else more each time; by chance, so that calls that failed together part."""
        own: float = _FIRST_WAIT_SECONDS * 2**self.made * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        asked = error.wait_seconds if isinstance(error, FunctionFailed) else None
        return own if asked is None else max(asked, own)
