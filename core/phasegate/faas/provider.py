"""Credentials that change: loaded in a thread, again ahead of their expiry, and once for all who want them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from ..errors import ServiceUnavailable
from ..plugin import Clock

# What botocore does, too: ahead by a quarter of an hour, and loudly for two thirds of that.
AHEAD_SECONDS = 900.0
_URGENT_PART = 2 / 3
# Credentials without an expiry may stand in a file that somebody changes.
_LASTING_SECONDS = 3600.0
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 2.0, 32.0
# How often credentials are looked at that no request looks at.
_LOOK_SECONDS = 30.0


class CredentialsUnavailable(ServiceUnavailable):
    """There is nothing to authorize a request with at the moment; the message says why, the headers when to come again."""

    code = "credentials_unavailable"

    def __init__(self, message: str, retry_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.headers: Mapping[str, str] = {"retry-after": str(math.ceil(max(retry_seconds, 1.0)))}


class Credentials(Protocol):
    """What requests are authorized with: credentials, a token. Two that are equal are the same."""

    @property
    def expires(self) -> float | None:
        """When they end, in seconds since 1970; None for some that say nothing of an end."""


C = TypeVar("C", bound=Credentials)


class Provider(Generic[C]):
    """The credentials of one source. A load that fails leaves the present ones, until they really expire.

    Everything but the load itself happens on the event loop, so there is no lock, and at most one load at a time.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], C],
        clock: Clock,
        logger: logging.Logger,
        *,
        ahead_seconds: float = AHEAD_SECONDS,
    ) -> None:
        self._name = name
        self._load = load
        self._clock = clock
        self._logger = logger
        self._ahead = ahead_seconds
        self._current: C | None = None
        self._due = 0.0
        self._retry_at = 0.0
        self._failures = 0
        self._why = "they are still being loaded"
        self._flight: asyncio.Future[None] | None = None
        self._look: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to load the credentials, and to have them at hand when a request comes."""
        self._look_again()

    def close(self) -> None:
        """Load no more; what a thread is still at is not waited for."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def at(self, now: float) -> C | None:
        """Return the credentials that hold at this time, in seconds since 1970, and have them loaded anew where that is due."""
        if now >= self._due:
            self._begin()
        credentials = self._current
        return credentials if credentials is None or credentials.expires is None or now < credentials.expires else None

    async def get(self, now: float, patience_seconds: float) -> C:
        """Return the credentials that hold at this time; where there are none, wait for the load that is going on.

        Raise CredentialsUnavailable after `patience_seconds`, or at once while the next attempt is not due.
        """
        credentials = self.at(now)
        if credentials is None:
            await self.landed(patience_seconds)
            credentials = self.at(now)
        if credentials is None:
            wait = self._retry_at - self._clock.monotonic()
            raise CredentialsUnavailable(f"no credentials from {self._name}: {self._why}", wait)
        return credentials

    async def landed(self, patience_seconds: float) -> bool:
        """Wait for the load that is going on; tell whether none is any more."""
        if self._flight is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await asyncio.shield(self._flight)
        return self._flight is None

    async def renew(self, refused: C, patience_seconds: float) -> bool:
        """Have the credentials loaded anew because they were refused; tell whether there are others now."""
        if self._current == refused:
            self._begin()
            await self.landed(patience_seconds)
        return self._current is not None and self._current != refused

    def _look_again(self) -> None:
        self.at(self._clock.time())
        self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look_again)

    def _begin(self) -> None:
        if self._flight is None and self._clock.monotonic() >= self._retry_at:
            loop = asyncio.get_running_loop()
            self._flight = loop.create_future()
            # A thread of its own, which a process that hangs can't keep this one from ending by.
            threading.Thread(target=self._run, args=(loop,), name="credentials", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            outcome: C | Exception = self._load()
        except Exception as error:  # noqa: BLE001 (of a vendor's library, of the system, of whatever a source sends)
            outcome = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._land, outcome)

    def _land(self, outcome: C | Exception) -> None:
        flight, self._flight = self._flight, None
        now = self._clock.time()
        if isinstance(outcome, Exception):
            self._failed(str(outcome) or type(outcome).__name__, now)
        elif outcome.expires is not None and outcome.expires <= now:
            self._failed("those that were found have expired, by this machine's clock", now)
        else:
            self._loaded(outcome, now)
        if flight is not None and not flight.done():
            flight.set_result(None)

    def _loaded(self, credentials: C, now: float) -> None:
        if self._failures:
            self._logger.info("credentials are back", extra={"credentials": self._name})
        wait = _LAST_RETRY_SECONDS if credentials == self._current else _FIRST_RETRY_SECONDS
        self._current, self._failures = credentials, 0
        self._due = now + self._good_for_seconds(credentials, now)
        self._retry_at = self._clock.monotonic() + wait

    def _failed(self, why: str, now: float) -> None:
        wait = min(_FIRST_RETRY_SECONDS * 2.0**self._failures, _LAST_RETRY_SECONDS)
        self._why = why
        self._failures += 1
        self._retry_at = self._clock.monotonic() + wait
        expires = None if self._current is None else self._current.expires
        urgent = expires is not None and expires - now < self._ahead * _URGENT_PART
        left = None if expires is None else round(max(expires - now, 0.0))
        fields = {"credentials": self._name, "reason": why, "seconds_left": left, "retry_seconds": wait}
        self._logger.log(logging.ERROR if urgent else logging.WARNING, "credentials unavailable", extra=fields)

    def _good_for_seconds(self, credentials: C, now: float) -> float:
        """Return after what time credentials are loaded again: short-lived ones after half of what they last."""
        if credentials.expires is None:
            return _LASTING_SECONDS
        lasts = credentials.expires - now
        return max(lasts - self._ahead, lasts / 2)
