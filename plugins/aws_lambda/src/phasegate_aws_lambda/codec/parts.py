"""What the event formats share: how bodies, queries, times and repeated names are written."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote_plus

from .incoming import Incoming, Pairs

Binary = Literal["auto", "always", "never"]

_TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/xml",
        "application/javascript",
        "application/ecmascript",
        "application/x-www-form-urlencoded",
    }
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class NotTextError(ValueError):
    """A body that shall be text, whatever it is, is none."""


def body_of(incoming: Incoming, binary: Binary) -> tuple[str, bool]:
    """Return the body as an event holds it, and whether that is base64.

    With `auto` it is text if its type is textual or not given, it has no content encoding, and it is UTF-8. Raise NotTextError
    where `never` allows no base64 and it is not UTF-8.
    """
    body = incoming.body
    if not body:
        return "", False
    if binary == "never" or (binary == "auto" and _is_text(incoming)):
        try:
            return body.decode(), False
        except UnicodeDecodeError as error:
            if binary == "never":
                raise NotTextError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error
    return base64.b64encode(body).decode("ascii"), True


def _is_text(incoming: Incoming) -> bool:
    if incoming.header("content-encoding"):
        return False
    essence = incoming.header("content-type").partition(";")[0].strip().lower()
    return not essence or essence.startswith("text/") or essence.endswith(("+json", "+xml")) or essence in _TEXT_TYPES


def raw_pairs(query: str) -> Pairs:
    """Return a query's names and values as they are; a name without `=` has the value ""."""
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]


def decoded_pairs(query: str) -> Pairs:
    """Return a query's names and values decoded, a plus as a space."""
    return [(unquote_plus(name), unquote_plus(value)) for name, value in raw_pairs(query)]


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return every value by its name."""
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one value a name: those of repeated names with a comma between, in sent order."""
    return {name: ",".join(values) for name, values in grouped(pairs).items()}


def log_time(seconds: float) -> str:
    """Return a time as the common log format has it, in UTC and in English whatever the locale."""
    moment = time.gmtime(seconds)
    return f"{moment.tm_mday:02}/{_MONTHS[moment.tm_mon - 1]}/{time.strftime('%Y:%H:%M:%S', moment)} +0000"
