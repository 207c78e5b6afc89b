"""What API Gateway renames in a function's answer, and what becomes of it here.

Source: "Amazon API Gateway important notes", AWS documentation.
"""

from __future__ import annotations

_NAMES = {
    b"x-amzn-remapped-www-authenticate": b"www-authenticate",
    b"x-amzn-remapped-date": b"date",
}
# The length is the transport's own affair.
_DROPPED = b"x-amzn-remapped-content-length"

RENAMED = frozenset({*_NAMES, _DROPPED})
"""The names that API Gateway gives."""


def restored(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the fields with the renaming undone, each taking the place of what stands under its own name."""
    replaced = {_NAMES[name] for name, _ in fields if name in _NAMES}
    return [(_NAMES.get(name, name), value) for name, value in fields if name not in replaced and name != _DROPPED]
