"""Passwords checked off the event loop, one after the other, and remembered for a short time once they held."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor

from phasegate import Clock, ServiceUnavailable, check_password

_REMEMBERED_SECONDS = 60.0
_REMEMBERED = 10_000
# So many wait for at most some two seconds, which is as long as anybody should.
_WAITING = 64


class PasswordChecks:
    """Checks passwords in a thread of its own.

    What held is remembered as a keyed digest of what is kept and what was given, so that a changed password is forgotten
    by itself. What did not hold costs a derivation each time. Equal questions at one time are asked once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seed = secrets.token_bytes(32)
        self._held: dict[bytes, float] = {}
        self._asked: dict[bytes, asyncio.Future[bool]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="phasegate-passwords")

    async def holds(self, username: str, kept: str | None, given: str) -> bool:
        """Tell whether a user's password is the given one; None is kept where there is no such user.

        Raise ServiceUnavailable when too many wait already.
        """
        digest = self._digest(username, kept, given)
        if self._is_remembered(digest):
            return True
        holds = await asyncio.shield(self._asked.get(digest) or self._ask(digest, kept, given))
        if holds:
            self._remember(digest)
        return holds

    def held(self, username: str, kept: str | None, given: str) -> bool:
        """Tell whether a user's password is known to be the given one without looking."""
        return self._is_remembered(self._digest(username, kept, given))

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask(self, digest: bytes, kept: str | None, given: str) -> asyncio.Future[bool]:
        if len(self._asked) >= _WAITING:
            raise ServiceUnavailable(f"{_WAITING} passwords wait to be checked already")
        future = asyncio.get_running_loop().run_in_executor(self._thread, check_password, kept, given)
        self._asked[digest] = future
        future.add_done_callback(lambda _: self._asked.pop(digest, None))
        return future

    def _is_remembered(self, digest: bytes) -> bool:
        until = self._held.get(digest)
        return until is not None and self._clock.monotonic() < until

    def _remember(self, digest: bytes) -> None:
        self._held.pop(digest, None)
        while len(self._held) >= _REMEMBERED:
            del self._held[next(iter(self._held))]
        self._held[digest] = self._clock.monotonic() + _REMEMBERED_SECONDS

    def _digest(self, username: str, kept: str | None, given: str) -> bytes:
        texts = (username, "" if kept is None else f"={kept}", given)
        whole = b"".join(hashlib.blake2b(text.encode(), key=self._seed).digest() for text in texts)
        return hashlib.blake2b(whole, key=self._seed, digest_size=16).digest()
