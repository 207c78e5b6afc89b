"""The canonical request of Signature Version 4, rebuilt from the bytes that were received.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, and for dot segments
and repeated slashes AWS's own signers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .received import Received

_UNRESERVED = "-_.~"
_SPACES = re.compile(rb"[ \t]+")


def canonical_request(request: Received, signed: Iterable[str], payload_hash: str, without: str = "") -> bytes:
    """Return the canonical request over the headers `signed`, which are lower-case and sorted.

    The query's pair named `without` is left out: a signature can't be over itself.
    """
    names = [name.encode("latin-1") for name in signed]
    parts = (
        request.method.encode(),
        canonical_path(request.path),
        canonical_query(request.query, without),
        b"".join(name + b":" + _header_value(request, name) + b"\n" for name in names),
        b";".join(names),
        payload_hash.encode(),
    )
    return b"\n".join(parts)


def canonical_path(path: bytes) -> bytes:
    """Return a path without dot segments and repeated slashes, each segment of its escaped form escaped once more."""
    segments: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del segments[-1:]
        elif segment not in (b"", b"."):
            segments.append(segment)
    end = "/" if path.endswith(b"/") and segments else ""
    escaped = "/".join(quote_from_bytes(segment, safe=_UNRESERVED) for segment in segments)
    return f"/{escaped}{end}".encode()


def canonical_query(query: bytes, without: str = "") -> bytes:
    """Return a query with its pairs encoded in AWS's one spelling, sorted by name and then by value."""
    split = [pair.partition(b"=") for pair in query.split(b"&") if pair]
    pairs = sorted((_encoded(name), _encoded(value)) for name, _, value in split)
    return "&".join(f"{name}={value}" for name, value in pairs if name != without).encode()


def _encoded(text: bytes) -> str:
    """Return text decoded, with a plus as a space, and encoded down to the unreserved characters."""
    return quote_from_bytes(unquote_to_bytes(text.replace(b"+", b" ")), safe=_UNRESERVED)


def _header_value(request: Received, name: bytes) -> bytes:
    """Return a header's values in sent order with a comma between, each trimmed and its runs of spaces and tabs made one space."""
    values = (value for other, value in request.headers if other.lower() == name)
    return b",".join(_SPACES.sub(b" ", value.strip()) for value in values)
