"""JSON Web Tokens (RFC 7519): signature and claims judged. The algorithm is always the key's, never the token's to choose."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# RFC 7518 section 3.1 and RFC 8037, by the bytes that a secret must have at least (section 3.2 there).
SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = (*SECRET_BYTES, *_RSA, *_CURVES, "EdDSA")
_RSA_BITS = range(2048, 8193)

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

_signatures = jwt.PyJWS(algorithms=ALGORITHMS)


class TokenError(Exception):
    """A token that does not hold; the message says why, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a token must be signed with: one key, by one algorithm."""

    algorithm: str
    key: bytes | PublicKey

    def claims(self, token: str) -> dict[str, Any]:
        """Return what a token says, once its signature holds. Raise TokenError."""
        try:
            signed = _signatures.decode_complete(token, self.key, algorithms=[self.algorithm])
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise TokenError(f"the signature does not hold: {type(error).__name__}") from error
        return _object(signed["payload"])


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges claims: times, and where they are given, for whom and by whom a token is."""

    required: Collection[str] = ("exp",)
    audiences: Collection[str] = ()
    issuers: Collection[str] = ()

    def judge(self, claims: Mapping[str, Any], now: float, leeway: float = 0.0) -> None:
        """Raise TokenError for claims that do not hold at a time, in seconds since 1970."""
        missing = [name for name in self.required if name not in claims]
        if missing:
            raise TokenError(f"the claim {missing[0]} is missing")
        expires, begins, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is not None and now >= expires + leeway:
            raise TokenError("it is over")
        if begins is not None and now < begins - leeway:
            raise TokenError("its time has not come")
        if issued is not None and now < issued - leeway:
            raise TokenError("it is issued in the future")
        if self.audiences and not self.audiences_of(claims) & set(self.audiences):
            raise TokenError("it is for another audience")
        if self.issuers and claims.get("iss") not in self.issuers:
            raise TokenError("it is by another issuer")

    @staticmethod
    def audiences_of(claims: Mapping[str, Any]) -> set[str]:
        """Return whom a token is for: `aud` is a text or a list of them (RFC 7519 section 4.1.3)."""
        told = claims.get("aud")
        listed = told if isinstance(told, list) else [told]
        return {item for item in listed if isinstance(item, str)}


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a token whose signature nobody has looked at. Raise TokenError."""
    if token.count(".") != 2:
        raise TokenError("it has not three parts")
    try:
        read = _signatures.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise TokenError("it can't be read") from error
    return read["header"], _object(read["payload"])


def public_key(pem: str, algorithm: str) -> Key:
    """Return the key of a PEM text for an algorithm. Raise ValueError for one that is none, weak, or for another algorithm."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("is no public key in PEM's form") from error
    return fitting(key, algorithm)


def fitting(key: object, algorithm: str) -> Key:
    """Return a public key for an algorithm. Raise ValueError for one that is weak, or for another algorithm."""
    fits = (
        (isinstance(key, RSAPublicKey) and algorithm in _RSA)
        or (isinstance(key, EllipticCurvePublicKey) and key.curve.name == _CURVES.get(algorithm))
        or (isinstance(key, (Ed25519PublicKey, Ed448PublicKey)) and algorithm == "EdDSA")
    )
    if not fits or not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey, Ed25519PublicKey, Ed448PublicKey)):
        raise ValueError(f"is no key for {algorithm}")
    if isinstance(key, RSAPublicKey) and key.key_size not in _RSA_BITS:
        raise ValueError(f"must have {_RSA_BITS.start} to {_RSA_BITS.stop - 1} bits")
    return Key(algorithm, key)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        claims = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise TokenError("its payload is no JSON") from error
    if not isinstance(claims, dict):
        raise TokenError("its payload is no object")
    return claims


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate (RFC 7519 section 2). Raise TokenError for what is none."""
    value = claims.get(name)
    if name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TokenError(f"the claim {name} is no time")
    return value
