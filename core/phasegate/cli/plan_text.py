"""A plan as people read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ..sealing.places import MISSING
from .plan import Change, Difference, Plan
from .traffic import Traffic

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_COLOURS = {"create": "green", "update": "yellow", "delete": "red"}
_LONGEST = 100
_ODD = "\N{REPLACEMENT CHARACTER}"
_USER = re.compile(r"([a-z]+://)[^/@\s\"]*@")
_QUERY = re.compile(r"(https?://[^\s\"?]*)\?[^\s\"]+")


def plan_lines(plan: Plan, traffic: Traffic) -> Iterator[tuple[str, str | None]]:
    """Yield the lines of a plan, each with the colour that it may be shown in, and nothing that a terminal obeys."""
    for line, colour in _lines(plan, traffic):
        yield "".join(sign if sign.isprintable() else _ODD for sign in line), colour


def _lines(plan: Plan, traffic: Traffic) -> Iterator[tuple[str, str | None]]:
    for change in plan.changes:
        yield f"{_SIGNS[change.action]} {change.kind}/{change.id}", _COLOURS[change.action]
        for difference in change.differences:
            yield f"    {_difference(difference)}", None
        for sentence in traffic.of(change):
            yield f"    => {sentence}", "cyan"


def summary(plan: Plan) -> str:
    """Return how much a plan changes."""
    counts = [f"{plan.count(action)} to {action}" for action in ("create", "update", "delete")]
    return f"{', '.join(counts)} (from revision {plan.revision})"


def brief(changes: Iterable[Change]) -> str:
    """Return how much was changed, in the words of a note."""
    found = list(changes)
    counts = [(sum(change.action == action for change in found), action) for action in _SIGNS]
    return ", ".join(f"{count} {action}d" for count, action in counts if count)


def _difference(difference: Difference) -> str:
    if difference.before is MISSING:
        return f"{difference.path}: {_shown(difference.after)}"
    after = "(removed)" if difference.after is MISSING else _shown(difference.after)
    return f"{difference.path}: {_shown(difference.before)} -> {after}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    # What stands before @ in a URL, or behind its question mark, can be a credential.
    text = _QUERY.sub(r"\1?***", _USER.sub(r"\1***@", text))
    first, *more = text.splitlines() or [""]
    return f"{first[:_LONGEST]}..." if more or len(first) > _LONGEST else first
