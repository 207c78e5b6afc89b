"""Secrets masked in what is shown, and masks that come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Finding
from ..secret import MASK
from .places import MISSING, Place, at, shown, with_value


def masked(value: Mapping[str, Any], secrets: Iterable[Place]) -> Mapping[str, Any]:
    """Return the value with `***` in the place of each secret, the very same one when it has none."""
    for place in secrets:
        value = with_value(value, place, MASK)
    return value


def unmasked(
    new: Mapping[str, Any], stored: Mapping[str, Any] | None, secrets: Iterable[Place]
) -> tuple[Mapping[str, Any], list[Finding]]:
    """Return a value that was sent, with what is stored in the place of each secret that is the mask.

    `secrets` are the secrets of the new value. Where nothing is stored for a mask to stand for it is an error.
    """
    findings: list[Finding] = []
    for place in secrets:
        if at(new, place) != MASK:
            continue
        kept = MISSING if stored is None or _lists_differ(new, stored, place) else at(stored, place)
        if kept is MISSING or kept == MASK:
            findings.append(Finding(shown(place), f"is {MASK}, and no secret is stored here: send the secret itself"))
        else:
            new = with_value(new, place, kept)
    return new, findings


def _lists_differ(new: object, stored: object, place: Place) -> bool:
    """Tell whether a list on the way grew or shrank: then nobody can say which entry a mask stands for."""
    for depth, part in enumerate(place):
        if isinstance(part, int):
            one, other = at(new, place[:depth]), at(stored, place[:depth])
            if not isinstance(other, (list, tuple)) or len(one) != len(other):
                return True
    return False
