"""What a reference looks like: `$env://NAME[/key]`, `$file://PATH`, `$secret://MANAGER/ID/NAME/KEY`, as APISIX has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeGuard

from ..errors import PhasegateError

_LONGEST = 1024
# APISIX takes $ENV:// too.
_SCHEME = re.compile(r"\$(env|file|secret)://", re.IGNORECASE)
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]+")
_ENVIRONMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:/[^/]+)*)")
# A name may have slashes, as AWS's have, and no segment that a URL would take for a step upwards.
_MANAGED = re.compile(
    r"((?:aws|vault)/[A-Za-z0-9._-]{1,64})/((?!\.{1,2}/)[\w.+=@:-]+(?:/(?!\.{1,2}/)[\w.+=@:-]+)*)/([^/]+)", re.ASCII
)


class Unresolved(PhasegateError):
    """A reference leads to no value. The message says why and what to do, and never shows a value."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the gateway's environment; with `keys`, what a JSON object in it holds under them."""

    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """What a file holds, relative to the configuration's folder."""

    path: str


@dataclass(frozen=True, slots=True)
class Managed:
    """One key of a secret that a manager keeps; `manager` is the id of a `secrets` resource, such as `vault/1`."""

    manager: str
    name: str
    key: str


Reference = Variable | File | Managed


def is_reference(value: object) -> TypeGuard[str]:
    """Tell whether a value stands for one elsewhere, well written or not."""
    return isinstance(value, str) and value.startswith("$") and _SCHEME.match(value) is not None


def parse(text: str) -> Reference:
    """Return what a reference says. Raise Unresolved for one that says nothing that could be found."""
    scheme = _SCHEME.match(text)
    if scheme is None or len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        raise Unresolved(f"must be printable text of at most {_LONGEST} characters")
    rest = text[scheme.end() :]
    match scheme.group(1).lower():
        case "env":
            return _variable(rest)
        case "file":
            return _file(rest)
        case _:
            return _managed(rest)


def _variable(rest: str) -> Variable:
    match = _ENVIRONMENT.fullmatch(rest)
    if match is None:
        raise Unresolved("names no environment variable: write $env://NAME or $env://NAME/key")
    return Variable(match.group(1), tuple(match.group(2).split("/")[1:]))


def _file(rest: str) -> File:
    if not rest:
        raise Unresolved("names no file: write $file://PATH")
    return File(rest)


def _managed(rest: str) -> Managed:
    match = _MANAGED.fullmatch(rest)
    if match is None:
        raise Unresolved("names no secret: write $secret://vault/ID/NAME/KEY or $secret://aws/ID/NAME/KEY")
    return Managed(*match.groups())
