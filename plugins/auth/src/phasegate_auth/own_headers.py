"""Headers that a plugin alone may write, so that no client's own copy is taken for them."""

from __future__ import annotations

from collections.abc import Iterable

from phasegate import Headers


def remove(headers: Headers, names: Iterable[str]) -> None:
    """Take the fields of these names out, and those that upstreams may read as them: with `_` in the place of `-`."""
    keys = {_plain(name.lower().encode("ascii")) for name in names}
    if keys:
        headers.raw = [field for field in headers.raw if _plain(field[0]) not in keys]


def _plain(name: bytes) -> bytes:
    return name.replace(b"_", b"-")
