"""What is different between two values, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..sealing.places import MISSING, Place


def alike(one: object, other: object) -> bool:
    """Tell whether two values say the same, whatever the order of their keys; unlike for `==`, true is not 1."""
    return one == other and next(differing(one, other), None) is None


def differing(before: object, after: object, place: Place = ()) -> Iterator[Place]:
    """Yield the places at which two values are not alike, as deep as they can be told.

    Lists of one length are compared entry by entry, others are different as a whole.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from differing(before.get(key, MISSING), after.get(key, MISSING), (*place, key))
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from differing(*pair, (*place, index))
    elif isinstance(before, bool) is not isinstance(after, bool) or before != after:
        yield place
