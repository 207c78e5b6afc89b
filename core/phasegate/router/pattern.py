"""A route's `uri` taken apart: literal segments, `:parameters`, and a `*` at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import BadRequest
from ..http.path import canonical_path

_PARAMETER = re.compile(r":[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A `uri` in canonical form. In `segments` None stands for a parameter; `names` holds their names in order."""

    text: str
    segments: tuple[str | None, ...]
    names: tuple[str, ...]
    is_prefix: bool

    @property
    def is_exact(self) -> bool:
        """Whether it matches one path only."""
        return not self.is_prefix and not self.names


def parse_uri(uri: str) -> Pattern:
    """Return the pattern that a `uri` stands for. Raise ValueError, with the remedy, for one that is none."""
    try:
        text = canonical_path(uri)
    except BadRequest as error:
        raise ValueError(f"is no path: {error}") from error
    if "?" in uri or "#" in uri:
        raise ValueError(f"holds a query or fragment (got {uri!r}): match those with vars")
    segments = text.split("/")[1:]
    is_prefix = segments[-1] == "*"
    if is_prefix:
        segments.pop()
    if any("*" in segment for segment in segments):
        raise ValueError(f"may have * only as its whole last segment (got {uri!r}), as in /files/*")
    wrong = [segment for segment in segments if segment.startswith(":") and not _PARAMETER.fullmatch(segment)]
    if wrong:
        raise ValueError(f"has {wrong[0]!r} where a parameter is :name, of letters, digits and _")
    names = tuple(segment[1:] for segment in segments if segment.startswith(":"))
    if len(set(names)) != len(names):
        raise ValueError(f"names a parameter twice (got {uri!r})")
    return Pattern(text, tuple(None if part.startswith(":") else part for part in segments), names, is_prefix)
