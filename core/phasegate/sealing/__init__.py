"""Secrets in a store of records: sealed at rest by a ring of keys, opened in memory, masked for those who look."""

from .fields import SecretFields
from .keyring import KeyMissing, KeyRing, SealBroken
from .mask import masked, unmasked
from .seal import forgeries
from .start import forget_ring, open_ring, ring_of
from .store import SealedStore

__all__ = [
    "KeyMissing",
    "KeyRing",
    "SealBroken",
    "SealedStore",
    "SecretFields",
    "forgeries",
    "forget_ring",
    "masked",
    "open_ring",
    "ring_of",
    "unmasked",
]
