"""Bearer tokens, and the fields that carry them (RFC 6750 section 2.1, RFC 7617 section 2)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ..secret import Secret


@dataclass(frozen=True, slots=True)
class Token:
    """A token as an identity service gave it; `expires` is in seconds since 1970."""

    secret: Secret
    expires: float | None = None


def bearer(secret: Secret) -> bytes:
    """Return the value of `Authorization` that carries a token."""
    return b"Bearer " + secret.value.encode()


def basic(secret: Secret) -> bytes:
    """Return the value of `Authorization` that carries `user:password`."""
    return b"Basic " + base64.b64encode(secret.value.encode())
