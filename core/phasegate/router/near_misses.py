"""Why a request takes the route it takes, and what kept the routes from it that came close."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from operator import itemgetter
from typing import Literal

from ..http.address import is_within, parse_networks
from ..http.message import Request
from ..model import Route
from .conditions import Candidate
from .pattern import Pattern, parse_uri
from .predicates import compile_vars
from .router import Fit, Router

MOST = 5
"""How many near misses are told."""
# How unlike two paths are, of 1, where one may be a slip of the other.
_CAPITALS, _ONE_LETTER, _ONE_SEGMENT = 0.1, 0.2, 0.3

Ground = Literal["status", "host", "path", "method", "remote_addr", "vars", "order"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a route is not taken: on which ground, in words; `condition` is the predicate that fails, as it is configured."""

    ground: Ground
    text: str
    condition: object = None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A route that is not taken, and everything that keeps it from that."""

    route: Route
    reasons: tuple[Reason, ...]


def near_misses(
    router: Router, request: Request, routes: Iterable[Route], turned_off: Iterable[Route] = ()
) -> Generator[None, None, list[NearMiss]]:
    """Return the routes that came closest, closest first, in steps: every route is looked at.

    Where one is taken, those alone are told that are for the same path, or that were beaten by it.
    """
    fits = list(router.fitting(request))
    taken = next((fit for fit in fits if fit.match.candidate.accepts(request, fit.match.params)), None)
    found: list[tuple[float, int, NearMiss]] = []
    seen = {id(taken.match.candidate.route)} if taken else set()
    for fit in fits:
        route = fit.match.candidate.route
        if id(route) not in seen:
            seen.add(id(route))
            reasons = tuple(_conditions(route, request, fit.match.params)) or (_beaten(fit, taken),)
            found.append((len(reasons), len(found), NearMiss(route, reasons)))
        yield
    # Where a route is taken, slips of its path are none.
    most = _ONE_SEGMENT if taken is None else 0.0
    for is_on, route in (*((True, route) for route in routes), *((False, route) for route in turned_off)):
        missed = None if id(route) in seen else _missed(route, request, is_on=is_on, most=most)
        if missed is not None:
            found.append((missed[0], len(found), missed[1]))
        yield
    return [miss for _, _, miss in nsmallest(MOST, found)]


def _missed(route: Route, request: Request, *, is_on: bool, most: float) -> tuple[float, NearMiss] | None:
    """Return why a route does not fit and how far away it is: one for each reason, and more for the path, up to `most`."""
    segments = request.path.split("/")[1:]
    unlike, pattern = min(
        ((_unlikeness(found, segments), found) for found in map(parse_uri, route.uris)), key=itemgetter(0)
    )
    if unlike > most:
        return None
    reasons = [] if is_on else [Reason("status", "it is turned off (status 0)")]
    if not _fits_host(route.hosts, request.host):
        reasons.append(Reason("host", f"it is for {_listed(route.hosts)}, not for {request.host or 'no host'}"))
    if unlike:
        reasons.append(Reason("path", _why_no_path(route.uris, request.path)))
    reasons += _conditions(route, request, {} if unlike else _params(pattern, segments))
    return (len(reasons) + unlike, NearMiss(route, tuple(reasons))) if reasons else None


def _conditions(route: Route, request: Request, params: Mapping[str, str]) -> Iterator[Reason]:
    """Yield which conditions beyond host and path do not hold."""
    if route.methods and request.method not in route.methods:
        yield Reason("method", f"it takes {_listed(sorted(route.methods))}, not {request.method}")
    if route.remote_addrs and not is_within(request.client, parse_networks(route.remote_addrs)):
        yield Reason("remote_addr", f"it takes clients of {_listed(route.remote_addrs)}, not {request.client}")
    conditions = route.vars
    whole = bool(conditions) and isinstance(conditions[0], str)
    for index, condition in enumerate((conditions,) if whole else conditions):
        if not compile_vars([condition])(request, params):
            yield Reason("vars", f"{'vars' if whole else f'vars[{index}]'} does not hold", condition)


def _beaten(fit: Fit, taken: Fit | None) -> Reason:
    """Return why another route comes before one that fits as well."""
    if taken is None:
        return Reason("order", "nothing keeps it from it")
    one, other = taken.match, fit.match
    if taken.host != fit.host:
        why = "its host is more exact"
    elif _exactness(one.prefix, one.params) != _exactness(other.prefix, other.params):
        why = "its uri is more exact"
    else:
        why = _by_rank(one.candidate, other.candidate)
    return Reason("order", f"it fits, and {one.candidate.route.id} comes first: {why}")


def _exactness(prefix: str | None, params: Mapping[str, str]) -> tuple[int, int]:
    return (2, len(prefix.split("/"))) if prefix is not None else (1, 0) if params else (0, 0)


def _by_rank(one: Candidate, other: Candidate) -> str:
    words = (
        f"its priority is higher, {one.route.priority} over {other.route.priority}",
        "it has more conditions",
        "it is the Admin API's",
        "it is newer",
        "its id is",
    )
    pairs = zip(one.rank, other.rank, words, strict=True)
    return next((why for mine, its, why in pairs if mine != its), "it has another uri")


def _fits_host(hosts: tuple[str, ...], host: str) -> bool:
    return not hosts or any(
        host.endswith(name[1:]) and host != name[1:] if name.startswith("*.") else host == name
        for name in map(str.lower, hosts)
    )


def _params(pattern: Pattern, segments: list[str]) -> dict[str, str]:
    """Return the parameters of a path that a pattern matches."""
    pairs = zip(pattern.segments, segments, strict=False)
    return dict(zip(pattern.names, (given for wanted, given in pairs if wanted is None), strict=True))


def _unlikeness(pattern: Pattern, segments: list[str]) -> float:
    """Return how unlike a path is to those that a pattern matches: 0 for one of them, 1 for one that is nothing like it.

    Near is one segment too few or too many at the end, or one that is spelt a little differently.
    """
    wanted, given = pattern.segments, segments
    if pattern.is_prefix:
        missing = max(0, len(wanted) + 1 - len(given))
        given = given[: len(wanted)]
    else:
        missing = abs(len(wanted) - len(given))
    pairs = zip(wanted, given, strict=False)
    wrong = [(one, other) for one, other in pairs if (one != other if one is not None else not other)]
    if len(wrong) + missing > 1 or not wanted or wrong == [(None, "")]:
        return 1.0 if wrong or missing else 0.0
    return missing * _ONE_SEGMENT + sum(_misspelt(one or "", other) for one, other in wrong)


def _misspelt(one: str, other: str) -> float:
    """Return how differently two words are spelt: by capitals, by one letter, or 1 for more."""
    if one.lower() == other.lower():
        return _CAPITALS
    start = _shared(one, other)
    left, right = one[start:], other[start:]
    end = _shared(left[::-1], right[::-1])
    left, right = left[: len(left) - end], right[: len(right) - end]
    swapped = len(left) == 2 and left == right[::-1]
    return _ONE_LETTER if swapped or max(len(left), len(right)) == 1 else 1.0


def _shared(one: str, other: str) -> int:
    """Return how many letters two words begin with alike."""
    return next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


def _why_no_path(uris: tuple[str, ...], path: str) -> str:
    if any(uri == f"{path}/*" for uri in uris):
        return f"its uri {path}/* matches {path}/ and below, not {path}"
    if any(uri.rstrip("/") == path.rstrip("/") for uri in uris):
        return f"its uri {_listed(uris)} differs from {path} by the slash at the end"
    return f"its uri {_listed(uris)} does not match {path}"


def _listed(items: Iterable[str]) -> str:
    names = list(items)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
