"""Cookies of a request (RFC 6265 section 5.4)."""

from __future__ import annotations

from .headers import Headers, RawHeaders


def cookie(headers: Headers, name: str) -> str | None:
    """Return the first cookie of that name as sent, None when there is none."""
    for field in headers.get_all("cookie"):
        for pair in field.split(";"):
            key, separator, value = pair.strip().partition("=")
            if separator and key == name:
                return value
    return None


def joined_crumbs(raw: RawHeaders) -> RawHeaders:
    """Return the fields with several `cookie` fields made one, as HTTP/2 lets clients split them (RFC 9113 8.2.3)."""
    crumbs = [value for name, value in raw if name == b"cookie"]
    if len(crumbs) < 2:
        return raw
    return [*(field for field in raw if field[0] != b"cookie"), (b"cookie", b"; ".join(crumbs))]
