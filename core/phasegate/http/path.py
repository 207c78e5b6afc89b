"""One spelling of a request's path, for router, plugins, signer and upstream alike."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from ..errors import BadRequest

# RFC 3986 section 2.3 and 3.3: what a path segment may hold unescaped.
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CANONICAL = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*")
# An origin form whose path is canonical unless it has dot segments; in the query anything printable but a `#`.
_PLAIN = re.compile(rb"(/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*)(?:\?([!\"$-~]*))?")
_ESCAPE_OR_RARE = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]")
# A dot segment behind an escaped slash or backslash, which an upstream may decode and climb.
_HIDDEN_DOTS = re.compile(r"(?:^|/|%2F|%5C)\.{1,2}(?:/|%2F|%5C|$)")


class Target(NamedTuple):
    """A request target taken apart: canonical path, query as sent, authority of an absolute form."""

    path: str
    query: str
    authority: str | None


def canonical_path(text: str) -> str:
    """Return the path in the form that everything behind the listener compares and sends.

    Escapes of unreserved characters are decoded, other escapes get upper-case digits, characters that a path can't
    hold are escaped (as UTF-8), dot segments are removed (RFC 3986 section 5.2.4); `%2F` and repeated slashes stay.
    Raise BadRequest for a path without its slash, a broken escape, `%00`, or dots behind an escaped slash.
    """
    if not text.startswith("/"):
        raise BadRequest(f"path {text!r} does not begin with a slash")
    if _CANONICAL.fullmatch(text) is None:
        text = _ESCAPE_OR_RARE.sub(_canonical_character, text)
    if "/." in text:
        text = _without_dot_segments(text)
    if ("%2F" in text or "%5C" in text) and _HIDDEN_DOTS.search(text):
        raise BadRequest(f"path {text!r} hides a dot segment behind an escaped slash")
    return text


def parse_target(raw: bytes) -> Target:
    """Take a request target apart: origin form or absolute form (RFC 9112 section 3.2).

    Raise BadRequest for bytes outside printable ASCII, a fragment, or another form.
    """
    plain = _PLAIN.fullmatch(raw)
    if plain is not None and b"/." not in raw:
        return Target(plain[1].decode("ascii"), (plain[2] or b"").decode("ascii"), None)
    if not raw.isascii() or not raw.decode("ascii").isprintable() or b" " in raw or b"#" in raw:
        shown = raw.partition(b"?")[0]
        raise BadRequest(f"request target {shown!r} holds a space, a control, a fragment or a byte outside ASCII")
    text = raw.decode("ascii")
    authority = None
    if not text.startswith("/"):
        authority, text = _split_absolute(text)
    path, _, query = text.partition("?")
    return Target(canonical_path(path), query, authority)


def _split_absolute(text: str) -> tuple[str, str]:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise BadRequest(f"request target {text.partition('?')[0]!r} is neither a path nor an http URL")
    end = next((index for index, char in enumerate(rest) if char in "/?"), len(rest))
    authority, tail = rest[:end], rest[end:]
    if not authority:
        raise BadRequest("the request target is a URL without host")
    return authority, tail if tail.startswith("/") else f"/{tail}"


def _canonical_character(match: re.Match[str]) -> str:
    found = match.group()
    if found == "%":
        raise BadRequest("the path has a % that two hexadecimal digits do not follow")
    if found[0] != "%":
        if found == "\0":
            raise BadRequest("the path holds a NUL")
        return quote(found, safe="")
    character = chr(int(found[1:], 16))
    if character == "\0":
        raise BadRequest("the path holds %00")
    return character if character in _UNRESERVED else found.upper()


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
