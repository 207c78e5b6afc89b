"""Regular expressions of the configuration: replacing with `$1`, and a word on those that may take forever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phasegate import Finding

_GROUP = re.compile(r"\$(?:(\$)|(\d+)|\{(\d+)\})")
_REPEAT = re.compile(r"[*+]|\{\d*,\d*\}")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_WITHOUT_MEANING = "jou"
_TOO_MANY = 3


class Substitution:
    """A pattern and what takes the place of what it finds: text with `$1` or `${1}` for its groups, `$$` for a dollar sign.

    Raise ValueError for a pattern that is none, or a group that it does not have.
    """

    __slots__ = ("_parts", "_pattern")

    def __init__(self, pattern: str, replacement: str, options: str = "") -> None:
        self._pattern = compiled(pattern, options)
        self._parts: list[str | int] = []
        end = 0
        for match in _GROUP.finditer(replacement):
            self._parts += [replacement[end : match.start()], "$" if match[1] else int(match[2] or match[3])]
            end = match.end()
        self._parts.append(replacement[end:])
        missing = [part for part in self._parts if isinstance(part, int) and part > self._pattern.groups]
        if missing:
            raise ValueError(f"has ${missing[0]}, and its pattern {self._pattern.groups} groups")

    @property
    def lead(self) -> str:
        """The text before the first group."""
        return str(self._parts[0])

    def first(self, text: str) -> str | None:
        """Return the text with the first find replaced; None where there is none."""
        replaced, count = self._pattern.subn(self._replacement, text, count=1)
        return replaced if count else None

    def replaced(self, text: str, *, once: bool) -> str:
        """Return the text with the first find replaced, or with every one."""
        return self._pattern.sub(self._replacement, text, count=1 if once else 0)

    def _replacement(self, match: re.Match[str]) -> str:
        return "".join(part if isinstance(part, str) else match[part] or "" for part in self._parts)


def compiled(pattern: str, options: str = "") -> re.Pattern[str]:
    """Return a pattern with options as letters. Raise ValueError where either is none."""
    flags = re.RegexFlag(0)
    for letter in options:
        if letter not in _FLAGS and letter not in _WITHOUT_MEANING:
            raise ValueError(f"has the option {letter!r}: use some of {''.join(_FLAGS)}")
        flags |= _FLAGS.get(letter, 0)
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error


def doubts(pattern: str, path: str) -> Iterator[Finding]:
    """Yield a warning for a pattern that may try its ways without end on a text that a client chose."""
    if nests_repeats(pattern):
        message = "repeats what repeats itself, as (a+)+ does: some texts may keep a worker busy for ever"
        yield Finding(path, message, "warning")
    elif repeats_of_any(pattern) >= _TOO_MANY:
        message = "repeats any character three times: some texts may keep a worker busy for ever; write [^/]* where it will do"
        yield Finding(path, message, "warning")


def repeats_of_any(pattern: str) -> int:
    """Return how many unbounded repeats of any character there are.

    Where what stands behind them is not found, every way to share a text out among them is tried: over a path of 8,000
    characters that takes a second with two, and most of an hour with three.
    """
    count, before = 0, ""
    for kind, text in _tokens(pattern):
        count += kind == "repeat" and before == "."
        before = text
    return count


def nests_repeats(pattern: str) -> bool:
    """Tell whether a group with an unbounded repeat in it is itself repeated without bound.

    Python's engine tries every way to share a text out among the two. Not every such pattern is slow, and nearly every slow
    one is such a pattern.
    """
    open_groups: list[bool] = [False]
    closed = False
    for kind, text in _tokens(pattern):
        if kind == "repeat":
            if closed:
                return True
            open_groups[-1] = True
        closed = False
        if text == "(":
            open_groups.append(False)
        elif text == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1] |= closed
    return False


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield repeats, and all else by the character or class."""
    place = 0
    while place < len(pattern):
        repeat = _REPEAT.match(pattern, place)
        if repeat:
            yield "repeat", repeat.group()
            place = repeat.end()
            continue
        end = place + 1
        if pattern[place] == "\\":
            end += 1
        elif pattern[place] == "[":
            end = _end_of_class(pattern, place)
        yield "other", pattern[place:end]
        place = end


def _end_of_class(pattern: str, place: int) -> int:
    match = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]").match(pattern, place)
    return match.end() if match else place + 1
