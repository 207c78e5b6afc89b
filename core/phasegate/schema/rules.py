"""cerberus with the types and rules that Phasegate's schemas use."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

import cerberus
from cerberus import TypeDefinition, errors

from ..http.address import parse_networks
from ..passwords import LONGEST, is_password

FORMAT_MISMATCH = errors.ErrorDefinition(0x4A, "format")
UNAVAILABLE = errors.ErrorDefinition(0x4B, "available")

FORMATS = {
    "url": "an absolute http or https URL such as https://example.com/path",
    "address": "an address with its port, such as 127.0.0.1:9080 or [::1]:9080",
    "network": "an IP address or CIDR block, such as 10.0.0.0/8",
    "header-value": "visible ASCII, without spaces around it",
    "password": f"a password of at most {LONGEST} characters, or its hash by argon2id or scrypt in PHC's format",
}


class _FiniteType(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, float) and math.isfinite(value)


class FiniteFloat(metaclass=_FiniteType):
    """Every float but NaN and the infinities, which YAML can write and no limit can mean."""


_TYPES = {
    **cerberus.Validator.types_mapping,
    "integer": TypeDefinition("integer", (int,), (bool,)),
    "float": TypeDefinition("float", (int, FiniteFloat), (bool,)),
    "number": TypeDefinition("number", (int, FiniteFloat), (bool,)),
}


class Rules(cerberus.Validator):  # type: ignore[misc]
    """The validator behind every schema. Beyond cerberus's rules it knows:

    `about` (what a key means, in a sentence for references), `secret` (the value is a credential), `format` (a key of
    `FORMATS`), `alias_of` (another spelling of a key) and `available` (the values that this version can do, out of those
    that the key will take one day). Booleans are no integers, NaN is no number, and a pattern must match the whole text.
    """

    types_mapping: ClassVar[dict[str, Any]] = _TYPES

    @property
    def found(self) -> list[errors.ValidationError]:
        """What the last validation found, as cerberus's own objects."""
        return self._errors  # type: ignore[no-any-return]

    def _validate_about(self, constraint: str, field: str, value: object) -> None:
        """{'type': 'string'}"""

    def _validate_secret(self, constraint: bool, field: str, value: object) -> None:
        """{'type': 'boolean'}"""

    def _validate_alias_of(self, constraint: str, field: str, value: object) -> None:
        """{'type': 'string'}"""

    def _validate_available(self, constraint: list[object], field: str, value: object) -> None:
        """{'type': 'list'}"""
        if value not in constraint:
            self._error(field, UNAVAILABLE)

    def _validate_format(self, constraint: str, field: str, value: object) -> None:
        """{'type': 'string', 'allowed': ['url', 'address', 'network', 'header-value', 'password']}"""
        if isinstance(value, str) and not MATCHERS[constraint](value):
            self._error(field, FORMAT_MISMATCH)

    def _validate_regex(self, pattern: str, field: str, value: object) -> None:
        """{'type': 'string'}"""
        if isinstance(value, str) and re.fullmatch(pattern, value) is None:
            self._error(field, errors.REGEX_MISMATCH)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not parts.fragment
            and parts.username is None
            and not re.search(r"[\s\x00-\x1f\x7f\\]", text)
        )
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+):([0-9]{1,5})", text)
    return match is not None and int(match.group(2)) <= 65535


def _is_network(text: str) -> bool:
    try:
        parse_networks((text,))
    except ValueError:
        return False
    return True


def _is_header_value(text: str) -> bool:
    return re.fullmatch(r"[!-~]([ -~]*[!-~])?", text) is not None


MATCHERS = {
    "url": _is_url,
    "address": _is_address,
    "network": _is_network,
    "header-value": _is_header_value,
    "password": is_password,
}
