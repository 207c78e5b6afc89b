"""Why AWS computes another signature than we do: the first line in which its canonical request differs from ours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import zip_longest

from .signer import Account

# What AWS answers to a signature that does not match ("Troubleshoot Signature Version 4 requests", AWS IAM user guide).
_EXPLAINED = re.compile(
    r"Canonical String for this request should have been\s+'(?P<canonical>.*)'\s+"
    r"The String-to-Sign should have been\s+'(?P<to_sign>.*)'",
    re.DOTALL,
)
_BEFORE_HEADERS = ("method", "path", "query")
_TO_SIGN = ("algorithm", "date", "scope", "hash")
# What may stand in the log; anything else could be a secret.
_TELLABLE = frozenset(
    {
        "method",
        "path",
        "header content-type",
        "header host",
        "header x-amz-content-sha256",
        "header x-amz-date",
        "signed headers",
        "payload hash",
        "date",
        "scope",
    }
)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The kind of the first line that differs, and that line of both sides where it can hold no secret."""

    line: str
    ours: str | None = None
    theirs: str | None = None


def mismatch(refusal: bytes, ours: Account) -> Mismatch | None:
    """Return where AWS's computation departs from ours; None for an answer that does not explain it."""
    found = _EXPLAINED.search(_text(refusal))
    if found is None:
        return None
    canonical, to_sign = ours.canonical.split("\n"), ours.to_sign.split("\n")
    return (
        _first(_kinds(canonical), canonical, found["canonical"].split("\n"))
        or _first(_TO_SIGN, to_sign, found["to_sign"].split("\n"))
        or Mismatch("none: the secret key is not the one of this access key")
    )


def _text(refusal: bytes) -> str:
    text = refusal.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    message = answer.get("message") or answer.get("Message") if isinstance(answer, dict) else None
    return message if isinstance(message, str) else text


def _kinds(canonical: list[str]) -> tuple[str, ...]:
    """Name the lines of a canonical request: three, then a line for each header, an empty one, and two more."""
    headers = (f"header {line.partition(':')[0]}" for line in canonical[3:-3])
    return (*_BEFORE_HEADERS, *headers, "end of headers", "signed headers", "payload hash")


def _first(kinds: tuple[str, ...], ours: list[str], theirs: list[str]) -> Mismatch | None:
    for kind, one, other in zip_longest(kinds, ours, theirs):
        if one != other:
            tellable = kind in _TELLABLE
            return Mismatch(kind or "beyond the end", _shown(one, tellable), _shown(other, tellable))
    return None


def _shown(line: str | None, tellable: bool) -> str | None:  # noqa: FBT001
    return line[:_LONGEST] if line is not None and tellable else None
