"""What the changes of a plan mean for requests, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ..store.records import Value
from .facts import Facts, differences, needs
from .landscape import Landscape
from .matching import Matcher, Pattern, is_conditional, patterns
from .names import SHOWN, routes, several
from .plan import Change, Plan
from .touched import touched

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
        yield from _shortened([self._lost(pattern) for pattern in lost if pattern not in gained])
        if new is None or not gained:
            return
        facts = Facts.of(new, self._after)
        fresh = [pattern for pattern in gained if pattern not in lost]
        yield from _shortened([self._gained(pattern, id_, new, facts) for pattern in fresh])
        if old is not None and len(fresh) < len(gained):
            yield from self._kept(Facts.of(old, self._before), facts, [item for item in gained if item in lost])

    def _kept(self, before: Facts, after: Facts, kept: list[Pattern]) -> Iterator[str]:
        subject = several([str(pattern) for pattern in kept])
        found = list(differences(before, after, self._auth))
        yield from (f"{subject} {sentence}" for sentence in found)
        if not found:
            yield f"{subject}: nothing changes for requests"

    def _lost(self, pattern: Pattern) -> str:
        taker = self._takers[1].taker(pattern)
        return f"requests to {pattern} will " + (f"take route {taker}" if taker else "find no route")

    def _gained(self, pattern: Pattern, id_: str, route: Value, facts: Facts) -> str:
        former, present = (takers.taker(pattern) for takers in self._takers)
        instead = f" instead of route {former}" if former not in (None, id_) else ""
        names = needs(facts, self._auth)
        needed = f", and needs {' and '.join(names)}" if names else ""
        where = " where its conditions hold" if is_conditional(route) else ""
        if not where and present not in (None, id_):
            return f"{pattern} would go to {facts.goes_to}, but route {present} comes first"
        return f"{pattern} goes to {facts.goes_to}{instead}{needed}{where}"

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
