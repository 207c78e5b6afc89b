"""Signatures of requests in the style of APISIX's hmac-auth, after draft-cavage-http-signatures."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from phasegate import Request

TARGET = "@request-target"
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"]*)"')
_PARAMETERS = re.compile(rf"{_PARAMETER.pattern}(\s*,\s*{_PARAMETER.pattern})*")
_NAMES = frozenset({"keyId", "algorithm", "headers", "signature"})


class SignatureError(Exception):
    """A signature that can't be read, or is over something that is not there; the message says why."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What an `Authorization` field of the scheme Signature says. `headers` are as written, for so they are signed."""

    key_id: str
    algorithm: str
    headers: tuple[str, ...]
    value: bytes

    @property
    def signed(self) -> set[str]:
        """What the signature is over, in lower case."""
        return {name.lower() for name in self.headers}

    def text(self, request: Request) -> bytes:
        """Return what a request's signature is over: the key's id, then a line for each header, the target as received.

        Raise SignatureError for a header that the request has not once: of two, nobody could say which one is signed.
        """
        lines = [self.key_id, *(self._line(name, request) for name in self.headers)]
        return "".join(f"{line}\n" for line in lines).encode("latin-1", "replace")

    @staticmethod
    def _line(name: str, request: Request) -> str:
        if name == TARGET:
            return f"{request.method} {request.raw_target}"
        values = request.headers.get_all(name)
        if len(values) != 1:
            raise SignatureError(f"a signed header stands {len(values)} times in the request")
        return f"{name}: {values[0]}"


def is_signature(value: str) -> bool:
    """Tell whether the value of an `Authorization` field is of the scheme Signature."""
    return value.partition(" ")[0].lower() == "signature"


def signature_of(value: str) -> Signature:
    """Return the signature that an `Authorization` field holds. Raise SignatureError for one that can't be read."""
    text = value.partition(" ")[2].strip()
    pairs = _PARAMETER.findall(text) if _PARAMETERS.fullmatch(text) else []
    given: Mapping[str, str] = dict(pairs)
    if len(given) < len(pairs) or given.keys() != _NAMES:
        raise SignatureError("it is not keyId, algorithm, headers and signature, each once")
    headers = tuple(given["headers"].split(" "))
    if not all(headers) or len(set(map(str.lower, headers))) < len(headers):
        raise SignatureError("its headers are not a list of different names")
    try:
        decoded = base64.b64decode(given["signature"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureError("it is not base64") from error
    return Signature(given["keyId"], given["algorithm"], headers, decoded)
