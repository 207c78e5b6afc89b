"""Texts out of JSON objects that hold several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from .syntax import Unresolved


def parsed(text: str | bytes) -> object:
    """Return what a JSON text says. Raise Unresolved, which does not show the text."""
    try:
        return orjson.loads(text)
    except ValueError:
        raise Unresolved("asks for a key of a value that is no JSON object") from None


def picked(document: object, keys: Iterable[str]) -> str:
    """Return the text, number or boolean under these keys as text. Raise Unresolved."""
    for key in keys:
        if not isinstance(document, Mapping) or key not in document:
            raise Unresolved(f"asks for the key {key!r}, which is not there")
        document = document[key]
    if isinstance(document, str) and document:
        return document
    if isinstance(document, (bool, int, float)):
        return orjson.dumps(document).decode()
    raise Unresolved("leads to what is no text: an object, a list, null, or an empty text")
