"""What the changes of a plan mean for requests, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from ..store.records import Value
from .facts import Facts, differences, needs
from .landscape import Landscape
from .matching import Matcher, Pattern, is_conditional, patterns, worded
from .names import SHOWN, routes, several
from .plan import Change, Plan
from .touched import touched

_Key = TypeVar("_Key")

_ODD_METHOD = "X-OTHER"
_TURNED_OFF = "is turned off: no request takes it"


class Traffic:
    """Tells what each change does to requests; `auth` names the plugins that let callers in."""

    def __init__(self, plan: Plan, present: Landscape, auth: Collection[str]) -> None:
        self._before = present.amended({change.key: change.before for change in plan.changes})
        self._after = present.amended({change.key: change.after for change in plan.changes})
        self._auth = auth
        self._own = {change.id for change in plan.changes if change.kind == "routes"}
        self._takers = Matcher(self._before), Matcher(self._after)

    def of(self, change: Change) -> list[str]:
        """Return a sentence for each thing that a change does to requests."""
        if change.kind == "routes":
            return list(self._of_route(change.id))
        found = touched(change, self._before, self._after, self._auth)
        return [found.words, *self._of_shared(found.routes)]

    def _of_route(self, id_: str) -> Iterator[str]:
        old, new = self._before.get("routes", id_), self._after.get("routes", id_)
        lost, gained = self._patterns(old, self._before), self._patterns(new, self._after)
        if new is not None and not gained and (lost or old is None):
            yield _TURNED_OFF
        yield from _shortened(self._lost([pattern for pattern in lost if pattern not in gained], id_))
        if new is None or not gained:
            return
        facts = Facts.of(new, self._after)
        fresh = [pattern for pattern in gained if pattern not in lost]
        yield from _shortened(self._gained(fresh, id_, new, facts))
        if old is not None and len(fresh) < len(gained):
            yield from self._kept(Facts.of(old, self._before), facts, [item for item in gained if item in lost])

    def _kept(self, before: Facts, after: Facts, kept: list[Pattern]) -> Iterator[str]:
        subject = several(worded(kept))
        found = list(differences(before, after, self._auth))
        yield from (f"{subject} {sentence}" for sentence in found)
        if not found:
            yield f"{subject}: nothing changes for requests"

    def _lost(self, lost: list[Pattern], id_: str) -> list[str]:
        found = ((self._next(pattern, id_), pattern) for pattern in lost)
        return [
            f"requests to {words}{limit} will {f'take route {taker}' if taker else 'find no route'}"
            for (taker, limit), words in _grouped((key, pattern) for key, pattern in found if key[0] != id_)
        ]

    def _next(self, pattern: Pattern, id_: str) -> tuple[str | None, str]:
        """Return who takes requests that a route matched before, and which of them are meant."""
        taker = self._takers[1].taker(pattern)
        if taker == id_ and not pattern.method:
            return self._takers[1].taker(pattern, _ODD_METHOD), " by other methods"
        return taker, ""

    def _gained(self, fresh: list[Pattern], id_: str, route: Value, facts: Facts) -> list[str]:
        names = needs(facts, self._auth)
        more = f", and needs {' and '.join(names)}" if names else ""
        if is_conditional(route):
            more += " where its conditions hold"
        keys = ((tuple(takers.taker(pattern) for takers in self._takers), pattern) for pattern in fresh)
        sentences = []
        for (former, present), words in _grouped(keys):
            instead = f" instead of route {former}" if former not in (None, id_) else ""
            if present in (None, id_) or is_conditional(route):
                sentences.append(f"{words} goes to {facts.goes_to}{instead}{more}")
            else:
                sentences.append(f"{words} would go to {facts.goes_to}, but route {present} comes first")
        return sentences

    def _of_shared(self, ids: Iterable[str]) -> Iterator[str]:
        """Yield what changes for routes that do not change themselves, those together for which it is the same."""
        told: dict[str, list[str]] = {}
        for id_ in ids:
            old, new = self._before.get("routes", id_), self._after.get("routes", id_)
            if id_ not in self._own and old is not None and new is not None:
                pair = Facts.of(old, self._before), Facts.of(new, self._after)
                for sentence in differences(*pair, self._auth):
                    told.setdefault(sentence, []).append(id_)
        for sentence, names in told.items():
            yield f"{routes(names)}: {sentence}"

    @staticmethod
    def _patterns(route: Value | None, landscape: Landscape) -> list[Pattern]:
        return [] if route is None else list(dict.fromkeys(patterns(route, landscape)))


def _shortened(sentences: list[str]) -> Iterator[str]:
    yield from sentences[:SHOWN]
    if len(sentences) > SHOWN:
        yield f"and {len(sentences) - SHOWN} more patterns likewise"


def _grouped(pairs: Iterable[tuple[_Key, Pattern]]) -> Iterator[tuple[_Key, str]]:
    """Yield each key with the patterns that have it, in words."""
    groups: dict[_Key, list[Pattern]] = {}
    for key, pattern in pairs:
        groups.setdefault(key, []).append(pattern)
    yield from ((key, words) for key, found in groups.items() for words in worded(found))
