"""Tokens that let one who holds them ask for explanations of requests on the public port, for some minutes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable

HEADER = "x-phasegate-explain"
LONGEST_SECONDS = 3600
DEFAULT_SECONDS = 300

_FORM = struct.Struct("!Q8s")
_TAG_BYTES = 32
_LENGTH = len(base64.urlsafe_b64encode(bytes(_FORM.size + _TAG_BYTES)))


class Tokens:
    """Makes and judges tokens: a time when they end and a random number, sealed with a key that the node's workers share.

    Nothing is kept of them, and nothing secret is in them. `now` gives the seconds since 1970.
    """

    def __init__(self, key: bytes, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._now = now

    def issue(self, seconds: int = DEFAULT_SECONDS) -> tuple[str, int]:
        """Return a token that is good for so many seconds, and when it ends."""
        ends = int(self._now()) + seconds
        body = _FORM.pack(ends, secrets.token_bytes(8))
        return base64.urlsafe_b64encode(body + self._tag(body)).decode("ascii"), ends

    def holds(self, token: bytes) -> bool:
        """Tell whether a token is one of ours and has not ended, in time that tells nothing of ours."""
        if len(token) != _LENGTH:
            return False
        try:
            data = base64.b64decode(token, b"-_", validate=True)
        except ValueError:
            return False
        body, tag = data[: _FORM.size], data[_FORM.size :]
        if len(tag) != _TAG_BYTES or not hmac.compare_digest(tag, self._tag(body)):
            return False
        ends, _ = _FORM.unpack(body)
        return bool(self._now() < ends)

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._key, b"explain" + body, hashlib.sha256)
