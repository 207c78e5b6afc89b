"""Passwords as they are kept: hashes by argon2id or scrypt, each with its salt and its cost, in PHC's string format.

Source: https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md, RFC 9106 (argon2), RFC 7914 (scrypt), and for
the cost of new hashes OWASP's password storage cheat sheet.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LONGEST = 1024
"""How many characters a password may have."""

_SALT_BYTES = 16
_KEY_BYTES = 32
_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
)
_SCRYPT = re.compile(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_HASHES = ("$argon2", "$scrypt$", "$2a$", "$2b$", "$2y$", "$pbkdf2", "$5$", "$6$", "$y$", "$1$", "$apr1$", "{SHA}")
# What one check may cost at most: 128 MiB, and some tenths of a second.
_MOST_KIB = 131_072
_MOST_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class _Hash:
    """A hash taken apart. `cost` is memory in KiB, iterations and lanes for argon2id, N, r and p for scrypt."""

    kind: str
    cost: tuple[int, int, int]
    salt: bytes
    key: bytes

    def holds(self, password: str) -> bool:
        return hmac.compare_digest(_derived(self, password), self.key)


@cache
def _offers_argon2id() -> bool:
    """Tell whether the OpenSSL that runs here has argon2id: 3.2 and newer have."""
    try:
        Argon2id(salt=bytes(_SALT_BYTES), length=_KEY_BYTES, iterations=1, lanes=1, memory_cost=8)
    except UnsupportedAlgorithm:
        return False
    return True


def _empty() -> _Hash:
    """Return what a new hash begins with; it also stands for users that there are not."""
    kind, cost = ("argon2id", (19_456, 2, 1)) if _offers_argon2id() else ("scrypt", (1 << 14, 8, 5))
    return _Hash(kind, cost, secrets.token_bytes(_SALT_BYTES), bytes(_KEY_BYTES))


def looks_hashed(text: str) -> bool:
    """Tell whether a text is meant as a hash, of whichever kind."""
    return text.startswith(_HASHES)


def is_password(text: str) -> bool:
    """Tell whether a text may stand where a password is kept: one in the clear, or a hash that can be checked."""
    if not looks_hashed(text):
        return 0 < len(text) <= LONGEST
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


def hash_password(password: str) -> str:
    """Return a hash to keep in a password's place, by argon2id, or by scrypt where OpenSSL has no argon2id.

    It takes some tens of milliseconds of a core: call it in a thread.
    """
    made = _empty()
    first, second, third = made.cost
    cost = f"v=19$m={first},t={second},p={third}"
    if made.kind == "scrypt":
        cost = f"ln={first.bit_length() - 1},r={second},p={third}"
    return f"${made.kind}${cost}${_text(made.salt)}${_text(_derived(made, password))}"


def check_password(kept: str | None, given: str) -> bool:
    """Tell whether a password is the one that is kept: as a hash, in the clear, or not at all (None).

    One key is derived in each of these cases, so that the time tells nobody which users there are; call it in a thread.
    """
    if kept is not None and looks_hashed(kept):
        return _parsed(kept).holds(given)
    _empty().holds(given)
    return kept is not None and hmac.compare_digest(_digest(kept), _digest(given))


def _derived(of: _Hash, password: str) -> bytes:
    first, second, third = of.cost
    secret = password.encode()
    if of.kind == "scrypt":
        memory = 2 * 128 * first * second
        return hashlib.scrypt(secret, salt=of.salt, n=first, r=second, p=third, maxmem=memory, dklen=len(of.key))
    argon = Argon2id(salt=of.salt, length=len(of.key), iterations=second, lanes=third, memory_cost=first)
    return argon.derive(secret)


def _parsed(text: str) -> _Hash:
    """Return a hash taken apart. Raise ValueError for one that is none, or that would cost too much or nothing."""
    argon, scrypt = _ARGON2ID.fullmatch(text), _SCRYPT.fullmatch(text)
    match = argon or scrypt
    if match is None or (argon and not _offers_argon2id()):
        raise ValueError("is no hash by argon2id or scrypt that can be checked here")
    first, second, third = (int(match[group]) for group in (1, 2, 3))
    found = _Hash("argon2id" if argon else "scrypt", (first, second, third), _bytes(match[4]), _bytes(match[5]))
    if not 8 <= len(found.salt) <= 64 or not 16 <= len(found.key) <= 64:
        raise ValueError("has a salt or a key of another length than hashes have")
    if argon:
        return _within(found, kib=first, rounds=second * third, least=8 * third)
    if not 1 <= first <= 20:
        raise ValueError("has a cost that is none")
    return _within(
        _Hash("scrypt", (1 << first, second, third), found.salt, found.key),
        kib=(1 << first) * second // 8,
        rounds=third,
        least=1,
    )


def _within(found: _Hash, *, kib: int, rounds: int, least: int) -> _Hash:
    if not max(least, 1024) <= kib <= _MOST_KIB or not 1 <= rounds <= _MOST_ROUNDS:
        raise ValueError("costs more than a check may, or next to nothing")
    return found


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("is not encoded as hashes are") from error


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
