"""The canonical request of Signature Version 4, and the wire form that it describes.

Source: "Create a signed AWS API request" in the AWS IAM user guide. What is signed is what is sent: path and query are
brought into their wire form first, and the canonical form is made of that.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

Pairs = list[tuple[str, str]]
Fields = list[tuple[bytes, bytes]]

_UNRESERVED = "-_.~"
_UNESCAPED = f"{string.ascii_letters}{string.digits}{_UNRESERVED}"
# What needs no escape; in a path, no second one.
_PLAIN = re.compile(r"[A-Za-z0-9\-_.~]*")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-_.~/]*")
# A single pair that is in its wire form already. To strip a short one takes half as long.
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9\-_.~]*=[A-Za-z0-9\-_.~]*")
_STRIPPED_LENGTH = 12
_SLASHES = re.compile(r"/{2,}")
_SPACES = re.compile(rb"[ \t]+")
# How many paths, queries and content types are remembered of each, and up to which length: many requests have the same.
_REMEMBERED, _REMEMBERED_LENGTH = 1024, 256


def path_forms(raw: str) -> tuple[str, str]:
    """Return a path as it is sent, and as it is signed (not for S3, which takes it as it is).

    AWS makes repeated slashes one before it checks a signature, which is over each segment of the escaped path escaped
    once more.
    """
    return _remembered_paths(raw) if len(raw) <= _REMEMBERED_LENGTH else _both_paths(raw)


def _both_paths(raw: str) -> tuple[str, str]:
    wire = _SLASHES.sub("/", raw) if "//" in raw else raw
    return wire, wire if _PLAIN_PATH.fullmatch(wire) else quote(wire, safe=f"/{_UNRESERVED}")


_remembered_paths = lru_cache(maxsize=_REMEMBERED)(_both_paths)


def wire_query(raw: str) -> Pairs:
    """Return the pairs of a query in the sender's order, in the only spelling that AWS will compute: decoded, with a plus
    as a space, and encoded again down to the unreserved characters. A name without `=` gets an empty value.
    """
    return [
        (_encoded(name), _encoded(value)) for name, _, value in (pair.partition("=") for pair in raw.split("&") if pair)
    ]


def joined(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs as a query string."""
    return "&".join([f"{name}={value}" for name, value in pairs])


def query_forms(raw: str) -> tuple[str, str]:
    """Return a query as it is sent, and as it is signed."""
    if not raw or (raw.strip(_UNESCAPED) == "=" if len(raw) <= _STRIPPED_LENGTH else _PLAIN_QUERY.fullmatch(raw)):
        return raw, raw
    return _remembered_forms(raw) if len(raw) <= _REMEMBERED_LENGTH else _both_forms(raw)


def _both_forms(raw: str) -> tuple[str, str]:
    pairs = wire_query(raw)
    return joined(pairs), canonical_query(pairs)


_remembered_forms = lru_cache(maxsize=_REMEMBERED)(_both_forms)


def canonical_query(pairs: Pairs) -> str:
    """Return the query as it is signed: sorted by encoded name, then by value."""
    return joined(sorted(pairs) if len(pairs) > 1 else pairs)


def tidy_block(fields: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the header block of fields that are sorted by name, None where a value has spaces to be taken out."""
    block = b"\n".join(map(b":".join, fields)) + b"\n"
    if b"  " in block or b"\t" in block or b": " in block or b" \n" in block:
        return None
    return block.decode("latin-1")


def canonical_headers(fields: Sequence[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Return the header block as it is signed, and the list of its names.

    Names are sorted, repeats joined with a comma in sent order, values trimmed and inner runs of spaces and tabs made
    one space.
    """
    folded: dict[bytes, bytes] = {}
    for name, value in fields:
        text = value.strip()
        if b"  " in text or b"\t" in text:
            text = _SPACES.sub(b" ", text)
        folded[name] = folded[name] + b"," + text if name in folded else text
    names = sorted(folded)
    lines = [b"%b:%b\n" % (name, folded[name]) for name in names]
    return b"".join(lines).decode("latin-1"), b";".join(names).decode("latin-1")


def content_type_line(value: bytes) -> str:
    """Return the line of the header block that a content type is signed by."""
    return _remembered_line(value) if len(value) <= _REMEMBERED_LENGTH else _content_type_line(value)


def _content_type_line(value: bytes) -> str:
    return canonical_headers([(b"content-type", value)])[0]


_remembered_line = lru_cache(maxsize=_REMEMBERED)(_content_type_line)


def _encoded(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return quote(unquote_to_bytes(text.replace("+", " ")), safe=_UNRESERVED)
