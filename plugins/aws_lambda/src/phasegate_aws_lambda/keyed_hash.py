"""HMAC-SHA256 under a key that many messages share (RFC 2104).

`hmac.digest` has OpenSSL look the hash up and pads the key anew for each message. Two hashes of a message behind the padded
key take half the time; copies of hashes that have taken in the key are dearer than a block that is hashed again.
"""

from __future__ import annotations

from hashlib import sha256

_BLOCK_BYTES = 64


class KeyedHash:
    """The two hashes of HMAC, each with its part of the key ready."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_BYTES:
            key = sha256(key).digest()
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = bytes(byte ^ 0x36 for byte in padded)
        self._outer = bytes(byte ^ 0x5C for byte in padded)

    def hexdigest(self, message: bytes) -> str:
        """Return the message's HMAC in hexadecimal digits."""
        return sha256(self._outer + sha256(self._inner + message).digest()).hexdigest()
