"""Single cookies out of a request's `Cookie` fields (RFC 6265 section 5.4)."""

from __future__ import annotations

from phasegate import Headers


def values(headers: Headers, name: str) -> list[str]:
    """Return every value that the request has under a cookie's name, as sent."""
    pairs = [pair.strip().partition("=") for field in headers.get_all("cookie") for pair in field.split(";")]
    return [value for key, equals, value in pairs if equals and key == name]


def remove(headers: Headers, name: str) -> None:
    """Take a cookie out; all others stay as they are, in their order."""
    kept: list[tuple[bytes, bytes]] = []
    wanted = name.encode("latin-1")
    for field, value in headers.raw:
        if field == b"cookie":
            crumbs = [crumb for crumb in value.split(b";") if crumb.strip().partition(b"=")[0] != wanted]
            if crumbs:
                kept.append((field, b";".join(crumbs).strip()))
        else:
            kept.append((field, value))
    headers.raw = kept
